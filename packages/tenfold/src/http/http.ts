import type { IncomingHttpHeaders } from 'node:http'
import type { AnySchema, Duration, User } from '../kernel/index.ts'

/** The request path: what a route is, and what each request is promised.
 *
 *    connection limits → route → admission → origin check → session and role → rate limit → params, query → body → handler → reply
 *
 *  H1  Whatever a client sends, it gets an answer: a reply, or problem+json (RFC 9457) with a code. The server goes on.
 *  H2  A handler runs only after auth, limits and every schema have passed; nothing unvalidated reaches it.
 *  H3  A reply is what its schema declares: undeclared fields are dropped, a reply that breaks it is never sent.
 *  H4  Nothing of the inside reaches a client: below 500 the error's own sentence, from 500 on a code and a request id.
 *  H5  Every wait is bounded: headers, body, handler, reply; memory per request by `bodyLimit`.
 *  H6  Stopping finishes what runs, up to a deadline, and then aborts it through `signal`. No accepted request is dropped.
 *  H7  Every request is one trace, one access log line and one point in `http.server.request.duration`.
 *  H8  What comes beyond the process's capacity is turned away at once with 503 and `retry-after`, the least important first,
 *      so that the rest is answered in time. Of H7 these have the point alone, and `tenfold.http.shed`; the log tells their number.
 *  H9  No handler starts for a client that has gone, or that no longer waits. */
export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Starts with `/`; `:id` is a parameter, a last `*` takes the rest: `/orders/:id`. */
  readonly path: string
  /** The module that it belongs to; groups the API reference. */
  readonly module: string
  /** Its permanent name in traces, metrics and limits, `POST /orders`. */
  readonly name: string
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly deprecated?: boolean
  /** Path and query values arrive as strings (or arrays of them): let the schema coerce, `z.coerce.number()`. */
  readonly params?: AnySchema
  readonly query?: AnySchema
  /** Headers that the handler needs, their names in lower case: `z.object({ 'idempotency-key': z.uuid() })`. */
  readonly headers?: AnySchema
  /** JSON or form fields, or `'stream'`: the handler gets the unread body as a Readable of any content type. */
  readonly body?: AnySchema | 'stream'
  readonly reply?: AnySchema
  /** Status of a reply that does not set its own. Defaults to 200, and to 204 when there is no `reply` schema and the
   *  handler returns nothing. */
  readonly status?: number
  /** Who may call it. Defaults to `'public'`. */
  readonly auth?: Auth
  /** One limit or several; all have to agree. None by default. */
  readonly limit?: RouteLimit | readonly RouteLimit[]
  /** Largest body in bytes. Defaults to the server's: 1 MiB, and 100 MiB for `body: 'stream'`. */
  readonly bodyLimit?: number
  /** From the first byte of the request to the handler's answer. Defaults to 30 s. `0` never times out: for uploads and
   *  long streams only, which are still cut after 30 s without progress. */
  readonly timeout?: Duration
  /** Who goes first when more comes than the process can do. Defaults to `normal`. */
  readonly priority?: Priority
  /** Keeps the exact bytes of the body in `rawBody`: webhooks sign those, not the parsed value. */
  readonly raw?: boolean
  /** Where its answer is a WebSocket: what clients say, and what they are told. */
  readonly socket?: { readonly receive?: AnySchema; readonly send: AnySchema }
  /** Left out of the API reference, the OpenAPI document and the client: pages and files. Defaults to false. */
  readonly hidden?: boolean
  handle(request: HttpRequest): Promise<unknown>
}

/** `'public'`: anyone, the session is not looked up. `'optional'`: anyone, `user` is set for who is signed in.
 *  `'user'`: 401 without a signed-in user. `{ role }`: 403 unless the user has that role, or one of them. */
export type Auth = 'public' | 'optional' | 'user' | { readonly role: string | readonly string[] }

/** `critical` is turned away last, `low` first; health checks never are. */
export type Priority = 'low' | 'normal' | 'critical'

export interface RouteLimit {
  /** Whose requests are counted together: the signed-in user's (or the address's, without one), the client address's, the
   *  API key's in `authorization` or `x-api-key` (or the address's), or everyone's. */
  readonly by: 'user' | 'ip' | 'key' | 'everyone'
  readonly max: number
  readonly per: Duration
  /** How much one request takes from the limit. Defaults to 1. */
  readonly cost?: number
  /** Who is not counted: addresses, networks (`10.0.0.0/8`, `2001:db8::/32`) and ids of users. None by default. */
  readonly allow?: readonly string[]
  /** Who is always refused, with TF_DENIED; as in `allow`, and sooner. None by default. */
  readonly deny?: readonly string[]
  /** When the shared counts cannot be reached: `open` lets each process count on its own, `closed` refuses; for what must
   *  never be tried too often, such as a password. Defaults to `open`. */
  readonly whenAway?: 'open' | 'closed'
}

export interface HttpRequest {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  /** What the route's `headers` schema made of those that it declares; undefined without one. */
  readonly headerValues: unknown
  /** All that came: lower-case names; repeated ones joined as Node does. */
  readonly headers: Readonly<IncomingHttpHeaders>
  readonly cookies: Readonly<Record<string, string>>
  /** The value of a cookie set through `respond({ cookies })`; undefined if it was not signed by this app. */
  signedCookie(name: string): string | undefined
  /** The client's address: the socket's, or what a trusted proxy says. */
  readonly ip: string
  readonly method: string
  /** Path and query as the client sent them. */
  readonly url: string
  readonly user: User | undefined
  readonly session: RequestSession
  /** Counts so many more requests of this client in the limits of the route, also beyond them: for a wrong password.
   *  @example
   *  if (!(await isRight(body.password))) await request.penalize(5) */
  penalize(cost: number): Promise<void>
  /** Milliseconds in which the answer is still wanted: what is left of the route's timeout, or of the caller's own when that
   *  is shorter (`x-tenfold-deadline`: the milliseconds that it waits). `Infinity` without either. Pass it on:
   *  `headers: { 'x-tenfold-deadline': String(request.msLeft()) }`. */
  msLeft(): number
  /** Aborts when the client goes away, at the route's timeout, and at the deadline of a shutdown. */
  readonly signal: AbortSignal
  readonly requestId: string
  readonly rawBody?: Buffer | undefined
}

/** The session of a request. Routes with `auth: 'public'` do not look it up: there, `user` and `data` are empty until
 *  `signIn` or `set`. */
export interface RequestSession {
  /** What a user's own list of sessions calls it; undefined when there is none. */
  readonly id: string | undefined
  readonly user: User | undefined
  readonly data: Readonly<Record<string, unknown>>
  /** Starts a session under a new id (an id known before is worth nothing afterwards) and sets the cookie. Data of a
   *  visitor is carried over and `data` added; data of another user is not.
   *  The token is for clients without cookies: they send it as `authorization: Bearer …`. */
  signIn(user: User, data?: Record<string, unknown>): Promise<{ token: string }>
  /** Ends it, on every instance, and clears the cookie. Does nothing when there is none. */
  signOut(): Promise<void>
  /** Keeps a JSON value with the session; starts one for a visitor without. */
  set(key: string, value: unknown): Promise<void>
}
