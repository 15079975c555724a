/** Connections and HTTP itself, by undici. */
import type { Guard } from './addresses.ts'
import { markExchange, type Mark } from './mark.ts'

export interface WireRequest {
  url: URL
  method: string
  headers: Record<string, string>
  body: string | Uint8Array | undefined
  headersTimeoutMs: number
  bodyTimeoutMs: number
  maxBytes: number
  cut: boolean
  signal: AbortSignal
  mark: Mark
}

export interface WireReply {
  status: number
  headers: Record<string, string>
  bytes: Buffer
  url: URL
}

export interface Engine {
  /** Rejects with undici's or Node's own errors, with the signal's reason, {@link TooSlow} or {@link BodyTooLong}. */
  send(request: WireRequest): Promise<WireReply>
  close(): Promise<void>
}

export class BodyTooLong extends Error {}

export class TooSlow extends Error {
  readonly phase: 'headers' | 'body'
  constructor(phase: 'headers' | 'body') {
    super(`nothing came of the ${phase}`)
    this.phase = phase
  }
}

export interface EngineOptions {
  connectTimeoutMs: number
  /** To one host. */
  connections: number
  guard: Guard | undefined
}

export async function openEngine({ connectTimeoutMs, connections, guard }: EngineOptions): Promise<Engine> {
  const { Agent, buildConnector, request } = await loadUndici()
  const connector = buildConnector({
    timeout: connectTimeoutMs,
    allowH2: false,
    ...(guard && { lookup: guard.lookup }),
  })
  const guarded: typeof connector = (options, done) => {
    try {
      guard?.check(options.hostname)
    } catch (error) {
      return done(error as Error, null)
    }
    connector(options, done)
  }
  const agent = new Agent({ connect: guarded, connections, pipelining: 1, allowH2: false })
  return {
    send: ({ url, mark, headersTimeoutMs, bodyTimeoutMs, maxBytes, cut, body, signal, ...rest }) =>
      markExchange(mark, async () => {
        const patience = startPatience(signal, headersTimeoutMs)
        try {
          const answer = await request(url, {
            ...rest,
            signal: patience.signal,
            dispatcher: agent,
            body: body ?? null,
            headersTimeout: 0,
            bodyTimeout: 0,
          })
          const moved = patience.forBody(bodyTimeoutMs)
          const bytes = await bodyOf(answer.body, answer.headers['content-length'], { maxBytes, cut }, moved)
          return { status: answer.statusCode, headers: joined(answer.headers), bytes, url }
        } finally {
          patience.end()
        }
      }),
    close: () => agent.destroy(),
  }
}

/** Our own timers: undici's are coarse, by up to a second and a half. */
function startPatience(outer: AbortSignal, headersMs: number) {
  const ending = new AbortController()
  const follow = (): void => ending.abort(outer.reason)
  if (outer.aborted) follow()
  else outer.addEventListener('abort', follow, { once: true })
  let timer = setTimeout(() => ending.abort(new TooSlow('headers')), headersMs)
  return {
    signal: ending.signal,
    /** Gives what is to be called for each piece that arrives. */
    forBody(ms: number): () => void {
      clearTimeout(timer)
      timer = setTimeout(() => ending.abort(new TooSlow('body')), ms)
      return () => void timer.refresh()
    },
    end(): void {
      clearTimeout(timer)
      outer.removeEventListener('abort', follow)
    },
  }
}

/** Loading undici must not change what the process's own `fetch` runs on: Node's copy is there first, then ours leaves it. */
async function loadUndici(): Promise<typeof import('undici')> {
  void globalThis.Response
  return import('undici')
}

type Body = AsyncIterable<Buffer> & {
  destroy(error?: Error): unknown
  on(event: 'error', listener: () => void): unknown
}

async function bodyOf(
  body: Body,
  length: string | string[] | undefined,
  { maxBytes: most, cut }: Pick<WireRequest, 'maxBytes' | 'cut'>,
  moved: () => void,
): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  const tooLong = (): Error => {
    body.on('error', () => {})
    body.destroy()
    return new BodyTooLong()
  }
  if (!cut && typeof length === 'string' && Number(length) > most) throw tooLong()
  for await (const piece of body) {
    moved()
    size += piece.length
    if (size > most && !cut) throw tooLong()
    pieces.push(piece)
    // Leaving the loop ends the connection: what still comes is not wanted.
    if (size >= most && cut) break
  }
  return Buffer.concat(pieces, Math.min(size, most))
}

function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const all = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value])
  return Object.fromEntries(all) as Record<string, string>
}
