/** SIGTERM while a request is being answered: any answer will do, a broken connection will not.
 *
 *  There are two ways to be sure that a request is under way at that moment. A body of which one half is sent keeps the app
 *  waiting, if it reads the body before it answers. And the preload can hold a request back that the server has read: then
 *  Node.js knows of it, but an app that counts its requests itself does not. Broken off by both ways means broken off. */
import { request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { HOLD_HEADER } from './evidence.ts'
import type { Instance } from './instance.ts'
import { isSafe, type RequestStep, type Scenario } from './scenario.ts'

export interface Termination {
  answered: boolean
  how: string
}

const ENDS_WITHIN_MS = 10_000
/** For the signal to arrive; whoever has not got it by then has finished before. */
const SIGNAL_MS = 300

export async function terminateWhileAnswering(
  instances: readonly Instance[],
  { scenario, holdsRequests }: { scenario: Scenario; holdsRequests: boolean },
): Promise<Termination | undefined> {
  const [second, first] = instances.slice(-2)
  const withBody = bodyStep(scenario)
  const half = first && withBody ? await halfSent(first, withBody) : undefined
  if (half?.answered || !second?.watched || !holdsRequests) return half
  return heldBack(second, scenario)
}

function bodyStep({ steps }: Scenario): RequestStep | undefined {
  return steps.find(
    (one): one is RequestStep => 'request' in one && one.body !== undefined && !one.request.includes('{{'),
  )
}

/** Undefined when the app answered without waiting for the rest. */
async function halfSent(instance: Instance, step: RequestStep): Promise<Termination | undefined> {
  const [method = 'POST', path = '/'] = step.request.split(' ')
  const body = JSON.stringify(step.body)
  const headers = { ...step.headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const { answer, request } = ask(instance, { method, path, headers })
  request.write(body.slice(0, body.length / 2))
  if (await Promise.race([answer, sleep(SIGNAL_MS)])) return undefined
  instance.signal('SIGTERM')
  await Promise.race([answer, sleep(SIGNAL_MS)])
  request.end(body.slice(body.length / 2))
  return inTime(answer)
}

async function heldBack(instance: Instance, { steps }: Scenario): Promise<Termination> {
  const paths = steps.flatMap((step) => {
    const [method = '', path = ''] = 'request' in step ? step.request.split(' ') : []
    return isSafe(method) && !path.includes('{{') ? path : []
  })
  const { answer, request } = ask(instance, { path: paths[0] ?? '/', headers: { [HOLD_HEADER]: '1' } })
  request.end()
  const held = (): boolean => instance.said().some(({ kind }) => kind === 'held')
  for (const until = performance.now() + 5000; !held() && performance.now() < until;) await sleep(5)
  instance.signal('SIGTERM')
  await Promise.race([answer, sleep(SIGNAL_MS)])
  await instance.tell({ do: 'release' })
  return inTime(answer)
}

function inTime(answer: Promise<Termination>): Promise<Termination> {
  const late = { answered: false, how: `no answer within ${ENDS_WITHIN_MS / 1000} seconds` }
  return Promise.race([answer, sleep(ENDS_WITHIN_MS, late, { ref: false })])
}

function ask(
  { host, port }: Instance,
  options: { method?: string; path: string; headers: Record<string, string | number> },
): { answer: Promise<Termination>; request: ReturnType<typeof httpRequest> } {
  const request = httpRequest({ host, port, ...options })
  const answer = new Promise<Termination>((resolve) => {
    request.once('response', (response) => {
      response.resume()
      response.once('error', (error) => resolve({ answered: false, how: error.message }))
      response.once('end', () => resolve({ answered: true, how: String(response.statusCode) }))
    })
    request.on('error', (error) => resolve({ answered: false, how: error.message }))
  })
  return { answer, request }
}
