import type { IncomingMessage, ServerResponse } from 'node:http'
import { randomHex, type User } from '../kernel/index.ts'
import type { Asker } from './asker.ts'
import type { CookieJar } from './cookies.ts'
import type { HttpRequest, RequestSession } from './http.ts'
import { penalize } from './limit.ts'
import { type PlainReply, PlainRequest } from './plain/index.ts'
import type { PreparedRoute } from './prepare.ts'
import type { ReplyCookie } from './reply.ts'
import { rankOf } from './shed/rank.ts'
import { offered, type Sockets } from './sockets/index.ts'

/** The client went away before it was answered. Never sent; logged as status 499. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
  constructor() {
    super('The client closed the connection.')
  }
}

/** One request and its answer: the one object that the request path works on, and what the handler is given. */
export class Exchange implements HttpRequest {
  readonly raw: IncomingMessage | PlainRequest
  /** Node's own, or a plain one, until it has to be Node's. */
  res: ServerResponse | PlainReply
  readonly route: PreparedRoute
  readonly requestId = randomHex(16)
  readonly startedAt = performance.now()
  /** From the start on: the route's, or the caller's own when that is shorter. 0 for none. */
  readonly timeoutMs: number
  readonly ip: string
  readonly method: string
  readonly url: string
  readonly secure: boolean
  readonly host: string
  /** What follows `authorization: Bearer`. */
  readonly bearer: string | undefined
  readonly sessionCookie: string
  readonly sockets: Sockets
  /** Whether it asks for a WebSocket. */
  readonly upgrade: boolean
  params: unknown
  query: unknown
  readonly headers: HttpRequest['headers']
  headerValues: unknown = undefined
  body: unknown = undefined
  rawBody: Buffer | undefined
  user: User | undefined
  declare session: RequestSession & { stillThere(): Promise<boolean> }
  /** Headers that every answer gets, also an error: limits, CORS. Pairs in one flat array. */
  readonly extra: string[] = []
  /** `set-cookie` lines for an answer that went well. */
  readonly setCookies: string[] = []
  /** What was sent in the end; 0 until then. */
  status = 0
  bytes = 0
  /** When the first piece of an answer in pieces was there; 0 for any other. On the clock of `startedAt`. */
  firstPieceAt = 0
  /** What went wrong, when the answer is an error. */
  error: unknown
  /** Bytes of the socket at the last look of the watch, and when they last moved. */
  seenBytes = 0
  movedAt = this.startedAt
  /** Whether it takes one of the places of running requests. */
  hasPlace = false
  /** Where it stands in the list of the watch. */
  place = 0

  private readonly jar: CookieJar
  private parsedCookies: Readonly<Record<string, string>> | undefined
  private controller: AbortController | undefined
  private abortedWith: unknown
  private giveUp: ((reason: unknown) => void) | undefined

  constructor(
    { raw, res, route, params, query }: Asked,
    { ip, host, secure }: Asker,
    jar: CookieJar,
    sessionCookie: SessionCookie,
    sockets: Sockets,
  ) {
    this.raw = raw
    this.sockets = sockets
    this.upgrade = !(raw instanceof PlainRequest) && sockets.headOf(raw) !== undefined
    this.res = res
    this.headers = raw.headers
    this.params = params
    this.query = query
    this.route = route
    this.jar = jar
    this.ip = ip
    this.method = this.raw.method ?? 'GET'
    this.url = this.raw.url ?? '/'
    this.secure = secure
    this.host = host
    const authorization = this.raw.headers.authorization
    this.timeoutMs = timeoutOf(route.timeoutMs, this.raw.headers[DEADLINE_HEADER])
    this.bearer =
      authorization !== undefined && /^bearer /i.test(authorization)
        ? authorization.slice(7).trim()
        : this.upgrade
          ? offered(this.raw.headers['sec-websocket-protocol'], 'bearer')
          : undefined
    this.sessionCookie = this.secure ? sessionCookie.secure : sessionCookie.plain
  }

  get cookies(): Readonly<Record<string, string>> {
    return (this.parsedCookies ??= this.jar.parse(this.raw.headers.cookie))
  }

  get hasSessionCookie(): boolean {
    return this.raw.headers.cookie !== undefined && this.cookies[this.sessionCookie] !== undefined
  }

  /** Who it goes before when not everyone can come in: by its route, then by whether it carries a session cookie of ours (the
   *  session may have ended). Tokens in a header are not signed: anyone can make one up. */
  get rank(): number {
    return rankOf(this.route.priority, this.hasSessionCookie && this.signedCookie(this.sessionCookie) !== undefined)
  }

  signedCookie(name: string): string | undefined {
    return this.jar.verify(name, this.cookies[name])
  }

  setCookie(name: string, cookie: ReplyCookie | null): void {
    this.setCookies.push(this.jar.line(name, cookie, this.secure))
  }

  /** A cookie that goes out with an error, too. */
  keepCookie(name: string, cookie: ReplyCookie): void {
    this.extra.push('set-cookie', this.jar.line(name, cookie, this.secure))
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.abortedWith !== undefined) this.controller.abort(this.abortedWith)
      else this.res.once('close', () => this.abort(new ClientGone()))
    }
    return this.controller.signal
  }

  /** The promise's outcome, or the reason of an abort, whichever comes first. */
  until<T>(promise: Promise<T>): Promise<T> {
    if (this.abortedWith !== undefined) promise.catch(() => {})
    return new Promise((resolve, reject) => {
      this.giveUp = reject
      if (this.abortedWith !== undefined) return reject(this.abortedWith)
      promise.then(resolve, reject)
    })
  }

  /** Ends the waiting for this request, with the error to answer; nothing happens once it is answered. */
  abort(reason: unknown): void {
    if (this.abortedWith !== undefined || this.res.writableEnded) return
    this.abortedWith = reason
    this.giveUp?.(reason)
    this.controller?.abort(reason)
  }

  get aborted(): boolean {
    return this.abortedWith !== undefined
  }

  /** On the clock of `startedAt`. */
  get deadline(): number {
    return this.timeoutMs === 0 ? Infinity : this.startedAt + this.timeoutMs
  }

  msLeft(): number {
    return this.timeoutMs === 0 ? Infinity : Math.max(0, Math.floor(this.deadline - performance.now()))
  }

  penalize(cost: number): Promise<void> {
    return penalize(this, cost)
  }

  /** Whether who asked is still signed in: for what lasts longer than a request. */
  async mayStay(): Promise<boolean> {
    return this.user === undefined || this.session.stillThere()
  }

  /** Throws when nobody waits for the answer any more. */
  assertWanted(): void {
    if (this.abortedWith instanceof Error) throw this.abortedWith
    if (this.res.destroyed) throw new ClientGone()
  }
}

/** A request on its way in: what came, where its answer goes, and which route it asks for with what. */
export interface Asked {
  readonly raw: IncomingMessage | PlainRequest
  readonly res: ServerResponse | PlainReply
  readonly route: PreparedRoute
  /** As the path and the query have them, not checked yet. */
  readonly params: unknown
  readonly query: unknown
}

/** How many milliseconds the caller waits for the answer. */
const DEADLINE_HEADER = 'x-tenfold-deadline'

function timeoutOf(routeMs: number, header: string | string[] | undefined): number {
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header)) return routeMs
  const callerMs = Math.max(1, Number(header))
  return routeMs === 0 ? callerMs : Math.min(routeMs, callerMs)
}

/** The names of the session cookie: `__Host-` binds it to this very host and to https, so it needs https. */
export interface SessionCookie {
  plain: string
  secure: string
}
