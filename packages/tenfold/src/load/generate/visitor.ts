import { Agent, request as send } from 'undici'
import { toMs } from '../../kernel/index.ts'
import type { Answer, RequestOptions, Visitor } from '../load.ts'
import type { Counts } from './tally.ts'

export interface Connection {
  url: string
  headers: Record<string, string>
  timeoutMs: number
  dispatcher: Agent
}

export function openConnection(of: Omit<Connection, 'dispatcher'>): Connection {
  // Any number of connections: who waits for a free one would not be counted as waiting for the app.
  const dispatcher = new Agent({ connections: null, pipelining: 1, connect: { timeout: of.timeoutMs } })
  return { ...of, dispatcher }
}

/** An answer of 400 or more to a `call`. */
class Refused extends Error {
  readonly status: number
  constructor(route: string, status: number, text: string) {
    super(`${route} was answered ${status}: ${text.slice(0, 200)}`)
    this.status = status
  }
}

/** Failures of requests are counted where they happen; flows that let them pass are not counted again. */
const COUNTED = Symbol('counted')

export const isCounted = (error: unknown): boolean => typeof error === 'object' && error !== null && COUNTED in error

/** @param dueAt when this visitor should have come; the first request counts from then */
export function createVisitor(
  connection: Connection,
  counts: () => Counts,
  of: { number: number; data: unknown; random: () => number; dueAt: number; waiting: Set<AbortController> },
): Visitor {
  let cookies: Map<string, string> | undefined
  let dueAt: number | undefined = of.dueAt

  const request = async (route: string, options: RequestOptions = {}): Promise<Answer> => {
    const sentAt = performance.now()
    const countsFrom = dueAt ?? sentAt
    dueAt = undefined
    const space = route.indexOf(' ')
    const method = route.slice(0, space)
    const headers: Record<string, string> = { accept: 'application/json', ...connection.headers, ...options.headers }
    if (cookies) headers.cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    let body = options.body as string | Uint8Array | undefined
    if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)) {
      body = JSON.stringify(body)
      headers['content-type'] ??= 'application/json'
    }
    const url =
      connection.url + (options.path ?? pathOf(route.slice(space + 1), options.params)) + searchOf(options.query)
    const patience = new AbortController()
    of.waiting.add(patience)
    const timer = setTimeout(() => patience.abort(), Math.max(1, connection.timeoutMs - (sentAt - countsFrom)))
    const done = (error?: string): void => {
      const now = performance.now()
      counts().request(route, now - countsFrom, now - sentAt, error)
    }
    try {
      const { dispatcher } = connection
      const answer = await send(url, { method, headers, body: body ?? null, dispatcher, signal: patience.signal })
      const text = await answer.body.text()
      const { statusCode: status } = answer
      const set = answer.headers['set-cookie']
      if (set) cookies = remember(cookies, set)
      done(status >= 400 && !options.expect?.includes(status) ? `HTTP ${status}` : undefined)
      return { status, headers: answer.headers, text, json: () => JSON.parse(text) }
    } catch (error) {
      done(patience.signal.aborted ? 'timeout' : kindOf(error))
      throw Object.assign(error as Error, { [COUNTED]: true })
    } finally {
      clearTimeout(timer)
      of.waiting.delete(patience)
    }
  }

  return {
    request,
    async call(route: string, ...args: unknown[]) {
      const answer = await request(route, (args[0] ?? {}) as RequestOptions)
      if (answer.status >= 400) {
        throw Object.assign(new Refused(route, answer.status, answer.text), { [COUNTED]: true })
      }
      const json = /\bjson\b/.test(String(answer.headers['content-type'] ?? ''))
      return json && answer.text !== '' ? answer.json() : undefined
    },
    async pause(time) {
      dueAt = undefined
      await new Promise((resolve) => setTimeout(resolve, toMs(time)))
    },
    random: of.random,
    pick: (among) => among[Math.floor(of.random() * among.length)]!,
    number: of.number,
    data: of.data,
  }
}

function kindOf(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return code ?? cause?.code ?? (error as Error).name ?? 'failed'
}

function pathOf(template: string, params: RequestOptions['params'] = {}): string {
  return template.replace(/:(\w+)|\*$/g, (whole, name: string = '*') =>
    params[name] === undefined ? whole : encodeURIComponent(String(params[name])),
  )
}

function searchOf(query: RequestOptions['query']): string {
  if (!query) return ''
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && one !== null) search.append(name, String(one))
  }
  return search.size > 0 ? `?${search}` : ''
}

function remember(cookies: Map<string, string> = new Map(), set: string | string[]): Map<string, string> {
  for (const line of Array.isArray(set) ? set : [set]) {
    const pair = line.split(';', 1)[0]!
    const at = pair.indexOf('=')
    cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
  return cookies
}
