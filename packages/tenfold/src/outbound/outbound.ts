import type { AnySchema, Duration, OutputOf } from '../kernel/index.ts'

/** Calls to other services, which are slow, lose requests, answer nonsense and go away, and must not take us with them.
 *
 *    deadline → circuit of the host → place among its calls → connection → headers → body → reply against its schema
 *        ↑___________________ pause ___________________________________________|  again, if it is safe
 *
 *  O1  A call ends: by its deadline, or by that of the request or job that makes it, whichever is sooner.
 *  O2  Nothing is sent a second time that could take effect a second time: only idempotent methods (RFC 9110, 9.2.2), calls
 *      with an idempotency key, and what certainly never reached the other side.
 *  O3  Repetitions are paid from a budget: a host that answers nothing gets at most a tenth more than it was sent.
 *  O4  One host takes at most `atOnce` places of this process, and as many wait as `waiting` says; the rest fails at once.
 *  O5  A host that fails most calls is left alone for a while, then asked by one call at a time.
 *  O6  A reply takes at most `maxBytes` of memory.
 *  O7  A client without `baseUrl` reaches public addresses only. What is connected to is the address that was checked,
 *      whatever a name says a moment later, and each redirect is checked again.
 *  O8  Each exchange is a span and a point in `http.client.request.duration`, and carries the trace along. */
export interface Client {
  readonly name: string
  /** Any method. Does not fail for a status: see `raiseForStatus`.
   *  @example
   *  const reply = await partner.request('GET', '/status')
   *  if (reply.status === 404) … */
  request(method: string, path: string, options?: Omit<CallOptions<undefined>, 'reply'>): Promise<ClientReply>
  /** With `reply`: the checked value; fails for a status from 400 on.
   *  @example
   *  const card = await partner.get('/cards/:token', { params: { token }, reply: Card }) */
  get: Verb
  post: Verb
  put: Verb
  patch: Verb
  delete: Verb
}

export type Verb = <R extends AnySchema | undefined = undefined>(
  path: string,
  options?: CallOptions<R>,
) => Promise<R extends AnySchema ? OutputOf<R> : ClientReply>

/** A reply that has arrived as a whole. */
export interface ClientReply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer
  /** Where it came from in the end, after redirects. */
  readonly url: string
  /** How often it was sent, the first time included. */
  readonly attempts: number
  text(): string
  /** The parsed body, checked if a schema is given. Throws TF_OUTBOUND_INVALID. */
  json(): unknown
  json<S extends AnySchema>(schema: S): Promise<OutputOf<S>>
  /** Throws TF_OUTBOUND_STATUS from 400 on; otherwise the reply itself. */
  raiseForStatus(): ClientReply
}

export interface ClientSettings {
  /** Where all paths begin. Without one, calls name whole URLs, which may come from users: public addresses only. */
  baseUrl?: string
  /** Sent with every call; never to another origin that a redirect leads to. */
  headers?: Readonly<Record<string, string>>
  /** For a connection. Defaults to 3 s. */
  connectTimeout?: Duration
  /** Until the headers of the answer are there, the connection included. Defaults to 10 s. */
  timeout?: Duration
  /** Between two pieces of the body. Defaults to 10 s. */
  bodyTimeout?: Duration
  /** Of the whole call, with pauses and repetitions. Defaults to 30 s; the caller's own deadline counts where it is sooner. */
  deadline?: Duration
  /** Repetitions of what is safe to repeat. Defaults to 2. */
  retries?: number
  /** Repetitions that a host costs at most, for each call to it; besides ten at once. Defaults to 0.1: a host that fails gets a
   *  tenth more, not three times as much. From 2 on, every call may have its retries. */
  retryBudget?: number
  /** The pause before the first repetition, at most; doubles up to `max`, with full jitter. Defaults to 100 ms, at most 2 s.
   *  A longer `retry-after` is kept. */
  backoff?: { base: Duration; max?: Duration }
  /** Statuses that say «later»: repeated where that is safe. Defaults to 408, 425, 429, 500, 502, 503 and 504. */
  retryOn?: readonly number[]
  /** When there is no answer after so long, the same is asked once more, beside the first, and the sooner answer counts; only
   *  what is safe to repeat, and paid from the same budget. Off by default. */
  hedge?: Duration
  /** Bytes of a reply's body. Defaults to 10 MiB. */
  maxBytes?: number
  /** Calls of this process that run at once, for each host. Defaults to 50. */
  atOnce?: number
  /** Calls that wait for one of those places, for each host. Defaults to 100. */
  waiting?: number
  /** When a host is left alone: of at least `least` exchanges in ten seconds, so large a share failed; for how long at first
   *  (doubles up to a minute). Defaults to half of at least 10, and 5 s. `false` never does. */
  circuit?: { share?: number; least?: number; pause?: Duration } | false
  /** How many redirects a GET or HEAD follows. Defaults to 0: the reply is the redirect. */
  redirects?: number
  /** Hosts, or all, that may be private all the same; for clients without `baseUrl`. Defaults to none.
   *  @example allowPrivate: ['intranet.example'] */
  allowPrivate?: boolean | readonly string[]
}

export interface ClientOptions extends ClientSettings {
  /** In metrics, spans and errors. */
  name: string
  /** Goes to another part of the same app: that it is slow is seen there. Defaults to false. */
  internal?: boolean
}

export interface CallOptions<R extends AnySchema | undefined = AnySchema | undefined> {
  /** Fills `:name` in the path, which is kept as it is in spans and metrics. */
  params?: Readonly<Record<string, string | number>>
  query?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | undefined>>
  /** As a function: made anew for each time that it is sent, as signatures need. */
  headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>)
  /** Sent as it is if it is text, bytes or URLSearchParams; anything else as JSON. */
  body?: unknown
  reply?: R
  /** Sent as `idempotency-key`: the other side does it once, so that it may be repeated. */
  idempotencyKey?: string
  /** A longer body than `maxBytes` is cut off there, instead of failing. Defaults to false. */
  cut?: boolean
  /** Whether it may be repeated. Defaults to what the method says: yes for GET, HEAD, OPTIONS, PUT and DELETE. */
  idempotent?: boolean
  signal?: AbortSignal
  timeout?: Duration
  deadline?: Duration
  hedge?: Duration
  maxBytes?: number
}
