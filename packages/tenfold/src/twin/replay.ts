/** Asks what a scenario says, through one address, and keeps what comes back. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { INSTANCE_HEADER } from './balancer.ts'
import { STEP_HEADER } from './evidence.ts'
import type { ListenStep, RequestStep, Scenario, SendStep } from './scenario.ts'
import { openStream, type Stream } from './streams.ts'

export interface Answer {
  /** 0 when there was none. */
  status: number
  headers: Record<string, string>
  /** Parsed JSON, text, or the digest of bytes. */
  body: unknown
  /** The instance that gave it. */
  instance: string
}

/** What came back: for each step its answers, or what a stream received. */
export interface Replayed {
  answers: Answer[][]
  /** By the number of the step that opened it. */
  streams: Map<number, string[]>
}

export interface ReplayOptions {
  url: string
  scenario: Scenario
  /** Whether an answer is what it should be; asked only for steps that may be stale for a while. */
  asExpected?: (step: number, answer: Answer) => boolean
  /** Called before each request. */
  asking?: (step: number) => Promise<void>
  /** Called after each answer: to kill whoever gave it. */
  answered?: (step: number, answer: Answer) => Promise<void>
  signal?: AbortSignal
}

interface Memory {
  cookies: Map<string, Map<string, string>>
  variables: Map<string, string>
}

const PATIENCE_MS = 20_000
const QUIET_MS = 40

export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { scenario } = options
  const unique = `u${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`
  const number = `${Date.now()}${Math.floor(Math.random() * 1000)}`
  const memory: Memory = {
    cookies: new Map(),
    variables: new Map([
      ['unique', unique],
      ['number', number],
    ]),
  }
  const replayed: Replayed = { answers: [], streams: new Map() }
  const streams = new Map<string, Stream>()
  try {
    for (const [i, step] of scenario.steps.entries()) {
      options.signal?.throwIfAborted()
      const answers: Answer[] = []
      if ('request' in step) answers.push(...(await askAll(step, i, memory, options)))
      if ('listen' in step) await listen(step, i)
      if ('send' in step) send(step)
      replayed.answers.push(answers.map((answer) => withoutThose(answer, [unique, number])))
      if (streams.size > 0) await quiet([...streams.values()])
    }
  } finally {
    for (const stream of streams.values()) stream.close()
  }
  return replayed

  async function listen(step: ListenStep, number: number): Promise<void> {
    const [kind, path] = fill(step.listen, memory).split(' ') as [string, string]
    const stream = await openStream(kind, new URL(path, options.url), cookiesOf(memory, step.user))
    replayed.streams.set(number, stream.received)
    streams.set(step.as, stream)
  }
  function send(step: SendStep): void {
    const text = typeof step.message === 'string' ? step.message : JSON.stringify(step.message)
    streams.get(step.send)?.send(fill(text, memory))
  }
}

/** Until no stream has received anything for a while: what is published takes its way through other servers. */
async function quiet(streams: readonly Stream[]): Promise<void> {
  const count = (): number => streams.reduce((sum, { received }) => sum + received.length, 0)
  for (let last = -1; last !== count();) {
    last = count()
    await sleep(QUIET_MS)
  }
}

async function askAll(step: RequestStep, number: number, memory: Memory, options: ReplayOptions): Promise<Answer[]> {
  const times = step.times ?? 1
  if (step.together) return Promise.all(Array.from({ length: times }, () => ask(step, number, memory, options)))
  const answers: Answer[] = []
  for (let i = 0; i < times; i++) {
    await options.asking?.(number)
    const answer = await askUntil(step, number, memory, options)
    await options.answered?.(number, answer)
    answers.push(answer)
  }
  return answers
}

async function askUntil(step: RequestStep, number: number, memory: Memory, options: ReplayOptions): Promise<Answer> {
  const { until, withinMs = 3000, staleMs = 0 } = step
  const { asExpected } = options
  const fits = (answer: Answer): boolean => {
    if (until) return Object.entries(until).every(([path, value]) => valueAt(answer.body, path) === value)
    return staleMs === 0 || !asExpected || asExpected(number, answer)
  }
  const deadline = performance.now() + (until ? withinMs : staleMs)
  let answer = await ask(step, number, memory, options)
  while (!fits(answer) && performance.now() < deadline) {
    await sleep(30)
    answer = await ask(step, number, memory, options)
  }
  return answer
}

async function ask(step: RequestStep, number: number, memory: Memory, { url }: ReplayOptions): Promise<Answer> {
  const [method = 'GET', path = '/'] = fill(step.request, memory).split(' ')
  const cookies = cookiesOf(memory, step.user)
  const headers = new Headers({ [STEP_HEADER]: String(number) })
  for (const [name, value] of Object.entries(step.headers ?? {})) headers.set(name, fill(value, memory))
  if (cookies.size > 0) headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
  const body = bodyOf(step, memory, headers)
  try {
    const response = await fetch(new URL(path, url), {
      method,
      headers,
      ...(body !== undefined && { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    const answer = await answerOf(response)
    for (const line of response.headers.getSetCookie()) keepCookie(cookies, line)
    for (const [name, from] of Object.entries(step.save ?? {})) {
      const value = taken(from, response.headers, answer.body)
      if (['string', 'number', 'boolean'].includes(typeof value)) memory.variables.set(name, `${value as string}`)
    }
    return answer
  } catch (error) {
    return { status: 0, headers: {}, body: `no answer: ${(error as Error).message}`, instance: '' }
  }
}

function taken(from: string, headers: Headers, body: unknown): unknown {
  if (from.startsWith('header:')) return headers.get(from.slice(7))
  if (from.startsWith('text:'))
    return new RegExp(from.slice(5)).exec(typeof body === 'string' ? body : JSON.stringify(body))?.[1]
  return valueAt(body, from)
}

function bodyOf(step: RequestStep, memory: Memory, headers: Headers): string | FormData | URLSearchParams | undefined {
  const { body, form, upload, text } = step
  if (upload) {
    const data = new FormData()
    for (const [name, value] of Object.entries(form ?? {})) data.set(name, fill(value, memory))
    data.set(upload.field, new Blob([fill(upload.content, memory)], { type: 'text/plain' }), upload.name)
    return data
  }
  if (form)
    return new URLSearchParams(
      Object.entries(form).map(([name, value]): [string, string] => [name, fill(value, memory)]),
    )
  if (body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json')
  if (body !== undefined) return fill(JSON.stringify(body), memory)
  return text === undefined ? undefined : fill(text, memory)
}

/** Headers that say something about the app; the others belong to the transport or the time of day. */
const TOLD = [
  'content-type',
  'location',
  'x-ratelimit-remaining',
  'ratelimit-remaining',
  'ratelimit',
  'www-authenticate',
]

async function answerOf(response: Response): Promise<Answer> {
  const headers: Record<string, string> = {}
  for (const name of TOLD) {
    const value = response.headers.get(name)
    if (value !== null) headers[name] = name === 'ratelimit' ? (/remaining=\d+|r=\d+/.exec(value)?.[0] ?? '') : value
  }
  const cookies = response.headers.getSetCookie().map((line) => line.split('=')[0]!)
  if (cookies.length > 0) headers['set-cookie'] = cookies.toSorted().join(', ')
  const bytes = Buffer.from(await response.arrayBuffer())
  const instance = response.headers.get(INSTANCE_HEADER) ?? ''
  return { status: response.status, headers, body: read(bytes, response.headers.get('content-type') ?? ''), instance }
}

function read(bytes: Buffer, type: string): unknown {
  const text = bytes.toString('utf8')
  if (/json/.test(type)) {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }
  if (/^text\/|xml|javascript|urlencoded/.test(type) || bytes.length < 200) return text
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function cookiesOf(memory: Memory, user = 'visitor'): Map<string, string> {
  const known = memory.cookies.get(user)
  if (known) return known
  const cookies = new Map<string, string>()
  memory.cookies.set(user, cookies)
  return cookies
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';')
  const [name = '', ...value] = pair.split('=')
  const gone = attributes.some((one) => /^\s*max-age=(0|-\d+)\s*$/i.test(one) || /expires=thu, 01 jan 1970/i.test(one))
  if (gone) cookies.delete(name.trim())
  else cookies.set(name.trim(), value.join('=').trim())
}

function fill(text: string, { variables }: Memory): string {
  return text.replaceAll(/\{\{([\w.-]+)\}\}/g, (whole, name: string) => variables.get(name) ?? whole)
}

/** `items.0.id`. */
export function valueAt(body: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], body)
}

function withoutThose(answer: Answer, made: string[]): Answer {
  const text = made.reduce((all, one) => all.replaceAll(one, '<unique>'), JSON.stringify(answer))
  return JSON.parse(text) as Answer
}
