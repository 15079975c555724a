/** Runs every case in a real app: over HTTP, by the worker, or as a cron, on a real Postgres; and then all of them once
 *  more for the other rules, which need each stack: what looks at them would stand on the stack that we report. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { z } from 'zod'
import { app } from '../../packages/tenfold/src/index.ts'
import type { DatabaseFinding } from '../../packages/tenfold/src/database/index.ts'
import { messageOf } from '../../packages/tenfold/src/kernel/index.ts'
import { startTestApp, type TestApp } from '../../packages/tenfold/src/testing.ts'
import { rivals, type Sent } from './rivals.ts'
import { anyCustomerOf, catalogModule, customerOf, store, type Case, type CaseContext } from './store.ts'

export interface Outcome {
  one: Case
  findings: DatabaseFinding[]
  /** What each of the other rules says, by its name. */
  rivals: Record<string, boolean>
  failed?: string
}

export interface RunOptions {
  signal: AbortSignal
  log(line: string): void
  /** After which a case is given up, in ms. Defaults to 30 000. */
  limitMs?: number
}

export async function runCases(cases: readonly Case[], options: RunOptions): Promise<Outcome[]> {
  const { log, limitMs = LIMIT_MS } = options
  const found = await runAll(cases, options, runCase)
  const outcomes = cases.map(
    (one, i) => found[i] ?? { one, findings: [], failed: `it was not over after ${limitMs} ms` },
  )
  const ended = outcomes.filter(({ failed }) => failed === undefined).map(({ one }) => one)
  log('the same for the other rules')
  const verdicts = await runAll(ended, options, askRivals)
  return outcomes.map((outcome) => ({ ...outcome, rivals: verdicts[ended.indexOf(outcome.one)] ?? {} }))
}

const LIMIT_MS = 30_000

/** What each case gave; undefined for one that did not end: it is left behind with its app, and the next ones get a new one. */
async function runAll<T>(
  cases: readonly Case[],
  { signal, log, limitMs = LIMIT_MS }: RunOptions,
  run: (one: Case, running: TestApp) => Promise<T>,
): Promise<(T | undefined)[]> {
  const outside = await startOutside()
  const deliver = async (id: string): Promise<void> => {
    await fetch(`http://127.0.0.1:${(outside.address() as AddressInfo).port}/${id}`, { method: 'POST' })
  }
  const startApp = (): Promise<TestApp> =>
    startTestApp(app({ name: 'nplus1', modules: [catalogModule, storeOf(cases, deliver)] }), {
      roles: ['web', 'worker', 'cron'],
      nPlusOne: 'ignore',
    })
  let running = await startApp()
  try {
    const results: (T | undefined)[] = []
    for (const one of cases) {
      signal.throwIfAborted()
      const result = await within(limitMs, run(one, running))
      results.push(result)
      if (result !== undefined) continue
      log(`given up after ${limitMs} ms: ${one.name}`)
      running.close().catch(() => {})
      running = await startApp()
    }
    return results
  } finally {
    await within(limitMs, running.close())
    outside.closeAllConnections()
    outside.close()
  }
}

/** What `promise` gives, or undefined when it takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const over = new AbortController()
  const late = after(ms, undefined, { signal: over.signal }).catch(() => undefined)
  return Promise.race([promise, late]).finally(() => over.abort())
}

/** A short name that routes, jobs and crons can have. */
const slugOf = ({ name }: Case): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 55)

function storeOf(cases: readonly Case[], deliver: CaseContext['deliver']) {
  const run = (one: Case, context: object, given: unknown): Promise<unknown> =>
    one.run(Object.assign(context, { given, deliver }) as unknown as CaseContext)
  const parts = cases.map((one) => {
    const slug = slugOf(one)
    if (one.as === 'cron') return store.cron(slug, '0 0 1 1 *', { run: (context) => run(one, context, undefined) })
    if (one.as === 'job') {
      return store.job(slug, { input: z.any(), attempts: 1, run: (context) => run(one, context, context.input) })
    }
    return store.route(`POST /${slug}`, {
      auth: 'public',
      body: z.any(),
      handler: async (context) => void (await run(one, context, context.body)),
    })
  })
  return store.build({
    parts: [...parts, customerOf, anyCustomerOf],
    migrations: new URL('./migrations/', import.meta.url),
  })
}

async function runCase(one: Case, running: TestApp): Promise<Omit<Outcome, 'rivals'>> {
  const findings: DatabaseFinding[] = []
  const stop = running.instance.database.watch!.onFindings((found) => findings.push(...found))
  const failed = await start(one, running).catch(messageOf)
  stop()
  return { one, findings, ...(failed !== undefined && { failed }) }
}

async function askRivals(one: Case, running: TestApp): Promise<Record<string, boolean>> {
  const watch = running.instance.database.watch!
  const sent: Sent[] = []
  const { begin } = watch
  watch.begin = (module, fingerprint, text, values, transaction) => {
    if (module === 'store') sent.push({ fingerprint, stack: ownStack(), inTransaction: transaction !== undefined })
    return begin(module, fingerprint, text, values, transaction)
  }
  await start(one, running)
  watch.begin = begin
  return Object.fromEntries(rivals.map(({ name, judge }) => [name, judge(sent)]))
}

/** Why it went wrong; undefined when it went well. */
async function start(one: Case, { instance, fetch, drain }: TestApp): Promise<string | undefined> {
  if (!one.as) {
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(`/${slugOf(one)}`, { method: 'POST', headers, body: JSON.stringify(one.given ?? {}) })
    return reply.ok ? undefined : await reply.text()
  }
  const name = `store.${slugOf(one)}`
  if (one.as === 'cron') await instance.crons.runNow(name)
  else await instance.queue.enqueue([{ name, payload: one.given, maxAttempts: 1 }], undefined)
  await drain({ timeoutMs: Infinity })
  const job = one.as === 'cron' ? `cron:${name}` : name
  const [latest] = await instance.queue.list({ name: job, limit: 1 })
  return latest?.state === 'done' ? undefined : `${latest?.state ?? 'no job'}: ${latest?.error ?? ''}`
}

/** The frames of the cases, without their columns. */
function ownStack(): string {
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = 60
  const { stack = '' } = new Error()
  Error.stackTraceLimit = before
  return stack
    .split('\n')
    .filter((line) => line.includes('/nplus1/cases/') || line.includes('/nplus1/store.ts'))
    .join('\n')
}

/** Somebody to deliver to. */
function startOutside(): Promise<Server> {
  const server = createServer((_request, reply) => void setTimeout(() => reply.end('thank you'), 2))
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
