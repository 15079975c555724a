import type { WebSocket } from 'ws'
import { errorFields, messageOf, TenfoldError } from '../../kernel/index.ts'
import { Internal, RouteTimeout, SignInRequired, Stopping } from '../errors.ts'
import { asTenfoldError, problemOf } from '../problem.ts'
import { SocketIdle, SocketMessage, SocketRate, SocketSlow } from './errors.ts'
import type { Exchange } from '../exchange.ts'
import { LIMITS, offered, SEND_BYTES, type Closing, type Socket, type SocketTalk } from './socket.ts'
import type { SocketKit } from './upgrade.ts'

/** Messages that wait for the one that is handled; more are left in the connection. */
const MOST_WAITING = 16
const MOST_UNANSWERED = 2
/** How many seconds' worth of messages may come at once. */
const BURST_SECONDS = 10

const RESTART = 1012

/** Close codes of our errors; of all others, 4000 and their status. */
const CLOSE_CODES: Readonly<Record<string, number>> = {
  TF_SOCKET_MESSAGE: 1007,
  TF_SOCKET_RATE: 1008,
  TF_INTERNAL: 1011,
  TF_STOPPING: RESTART,
  TF_SOCKET_SLOW: 1013,
  TF_LIVE_SLOW: 1013,
}

export function closingOf({ code, status }: TenfoldError): Closing {
  return { code: CLOSE_CODES[code] ?? (status < 500 ? 4000 + status : 1011), reason: code }
}

/** An open connection: its limits, its order, its end. */
export class Connection implements Socket {
  readonly id: string
  readonly after: string | undefined
  readonly #ws: WebSocket
  readonly #x: Exchange
  readonly #talk: SocketTalk
  readonly #kit: SocketKit
  readonly #limits: Required<NonNullable<SocketTalk['limits']>>
  readonly #aborter = new AbortController()
  readonly #waiting: string[] = []
  readonly #openedAt = performance.now()
  #handling: Promise<void> | undefined
  readonly #works = new Set<Promise<void>>()
  #closing: Closing | undefined
  #tokens: number
  #refilledAt = this.#openedAt
  /** Pings since anything was heard. */
  #unanswered = 0
  #spokeAt = this.#openedAt
  #checkedAt = this.#openedAt
  #received = 0
  #sent = 0

  constructor(ws: WebSocket, x: Exchange, talk: SocketTalk, kit: SocketKit) {
    this.#ws = ws
    this.#x = x
    this.#talk = talk
    this.#kit = kit
    this.#limits = { ...LIMITS, ...talk.limits }
    this.#tokens = this.#limits.perSecond * BURST_SECONDS
    this.id = x.requestId
    this.after = offered(x.raw.headers['sec-websocket-protocol'], 'after')
    ws.on('message', (data: Buffer, isBinary) => this.#hear(data, isBinary))
    ws.on('pong', () => (this.#unanswered = 0))
    ws.on('ping', (data: Buffer) => {
      if (this.#mayCome() && ws.bufferedAmount < SEND_BYTES) ws.pong(data)
    })
    // Frames against the protocol, and too large ones: the library has closed with 1002, 1007 or 1009.
    ws.on('error', (error: Error & { code?: string }) =>
      this.#log('debug', 'bad frame', { reason: error.code ?? messageOf(error) }),
    )
    ws.on('close', (code, reason) => this.#gone({ code, reason: reason.toString() }))
  }

  get signal(): AbortSignal {
    return this.#aborter.signal
  }

  open(): void {
    const { opened } = this.#talk
    if (!opened) return
    this.during(this.#traced('opened', () => opened(this)).catch((error: unknown) => this.#fail(error)))
  }

  during(work: Promise<void>): void {
    this.#works.add(work)
    void work.finally(() => this.#works.delete(work))
  }

  send(text: string): Promise<void> {
    const ws = this.#ws
    if (ws.readyState !== ws.OPEN) return Promise.resolve()
    if (ws.bufferedAmount > SEND_BYTES) {
      this.#fail(SocketSlow())
      return Promise.resolve()
    }
    this.#sent++
    this.#kit.counts.sent(this.#x.route.name)
    // What cannot be sent, because the client has gone, is told by the close.
    return new Promise((resolve) => ws.send(text, () => resolve()))
  }

  close(closing: Closing): void {
    this.#closing ??= closing
    // At a restart, what the client has said before it hears of it is still handled.
    if (closing.code !== RESTART) this.#aborter.abort()
    this.#ws.close(closing.code, shortened(closing.reason))
  }

  /** After what is under way, but not later than this: come back at another process. */
  async restart(until: Promise<void>): Promise<void> {
    await Promise.race([this.settled(), until])
    this.close(closingOf(Stopping()))
  }

  /** Nothing is handled any more, and nothing goes on at its side. */
  async settled(): Promise<void> {
    while (this.#handling || this.#works.size > 0) await Promise.all([this.#handling, ...this.#works])
  }

  /** The connection is cut, without a word. */
  terminate(): void {
    this.#ws.terminate()
  }

  /** Looks whether the other side is there, and still may be. */
  look(now: number, sessionMs: number): void {
    const ws = this.#ws
    if (ws.readyState !== ws.OPEN || ws.isPaused) return
    // Counted, not timed: after this process stood still, answers lie unread in the connection.
    if (this.#unanswered >= MOST_UNANSWERED) {
      this.#closing = { code: 1006, reason: 'no answer' }
      return ws.terminate()
    }
    const { idleMs } = this.#limits
    if (idleMs > 0 && now - this.#spokeAt > idleMs) return this.#fail(SocketIdle({ idleMs }))
    if (now - this.#checkedAt > sessionMs) {
      this.#checkedAt = now
      void this.#x.mayStay().then(
        (may) => may || this.#fail(SignInRequired()),
        (error: unknown) => this.#log('debug', 'session not checked', { reason: messageOf(error) }),
      )
    }
    this.#unanswered++
    if (ws.bufferedAmount < SEND_BYTES) ws.ping()
  }

  #hear(data: Buffer, isBinary: boolean): void {
    this.#unanswered = 0
    this.#spokeAt = performance.now()
    if (!this.#mayCome()) return
    if (isBinary) return this.#fail(SocketMessage({ problem: 'it is binary' }))
    if (!this.#talk.message) return this.#fail(SocketMessage({ problem: 'nothing is expected here' }))
    this.#received++
    this.#kit.counts.received(this.#x.route.name)
    this.#waiting.push(data.toString())
    if (this.#waiting.length >= MOST_WAITING) this.#ws.pause()
    this.#handling ??= this.#handleAll().finally(() => (this.#handling = undefined))
  }

  /** A token bucket: takes one, or closes. */
  #mayCome(): boolean {
    const { perSecond } = this.#limits
    const now = performance.now()
    const refilled = this.#tokens + ((now - this.#refilledAt) / 1000) * perSecond
    this.#refilledAt = now
    this.#tokens = Math.min(perSecond * BURST_SECONDS, refilled) - 1
    if (this.#tokens >= 0) return this.#closing === undefined || this.#closing.code === RESTART
    this.#fail(SocketRate({ perSecond }))
    return false
  }

  async #handleAll(): Promise<void> {
    for (;;) {
      const text = this.#waiting.shift()
      if (text === undefined) return
      if (this.#ws.isPaused && this.#waiting.length < MOST_WAITING / 2) this.#ws.resume()
      const value = parsed(text)
      if (value === undefined) return this.#fail(SocketMessage({ problem: 'it is not JSON' }))
      await this.#traced('message', () => this.#inTime(value.value)).catch((error: unknown) => this.#tell(error))
      if (this.#closing && this.#closing.code !== RESTART) return
    }
  }

  #inTime(value: unknown): Promise<void> {
    const { name, timeoutMs } = this.#x.route
    const talk = this.#talk
    if (timeoutMs === 0) return talk.message!(value, this, this.signal)
    const late = new AbortController()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = RouteTimeout({ route: name, timeoutMs })
        late.abort(error)
        reject(error)
      }, timeoutMs)
      const signal = AbortSignal.any([this.signal, late.signal])
      talk.message!(value, this, signal)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  #traced(what: string, act: () => Promise<void>): Promise<void> {
    const { route, user } = this.#x
    const options = {
      kind: 'request' as const,
      name: `${route.name} ${what}`,
      module: route.route.module,
      attributes: { 'http.route': route.template ?? '', 'tenfold.socket': this.id },
    }
    return this.#kit.telemetry.root(options, async (context) => {
      context.requestId = this.id
      if (user) context.userId = user.id
      await act()
    })
  }

  /** A message was refused or failed: the client hears why, and the connection goes on. */
  #tell(error: unknown): void {
    const { status, code, detail, errors } = problemOf(error, this.id, this.#kit.development)
    if (status >= 500) this.#log('error', 'message failed', errorFields(error))
    void this.send(JSON.stringify({ error: { code, status, detail, errors } }))
  }

  #fail(error: unknown): void {
    const known = error instanceof TenfoldError ? error : Internal(undefined, { cause: error })
    if (asTenfoldError(known).status >= 500) this.#log('error', 'failed', errorFields(error))
    this.close(closingOf(known))
    // Nothing more is handled of a client that is sent away for what it does.
    if (this.#ws.isPaused) this.#ws.resume()
  }

  #gone(closing: Closing): void {
    this.#aborter.abort()
    const { code, reason } = this.#closing ?? closing
    this.#kit.closed(this, this.#x.route.name, code)
    this.#log('info', `closed ${code}`, {
      code,
      ...(reason !== '' && { reason }),
      seconds: Math.round((performance.now() - this.#openedAt) / 1000),
      received: this.#received,
      sent: this.#sent,
    })
    const { closed } = this.#talk
    if (!closed) return
    void this.#traced('closed', () => closed({ code, reason }, this)).catch((error: unknown) =>
      this.#log('error', 'failed', errorFields(error)),
    )
  }

  #log(level: 'debug' | 'info' | 'error', what: string, fields: Record<string, unknown>): void {
    this.#kit.telemetry.log[level](`${this.#x.route.name} ${what}`, { requestId: this.id, ...fields })
  }
}

/** To the 123 bytes that a close frame has room for. */
function shortened(reason: string): string {
  let text = reason.slice(0, 123)
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1)
  return text
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}
