import type { Readable } from 'node:stream'
import type { AnySchema, Duration, InputOf, OutputOf, Reply, User } from '../kernel/index.ts'
import type { Auth, HttpRequest, Priority, RouteLimit } from '../http/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import type { LiveDefinition } from './live.ts'
import type { AnySocket } from './socket.ts'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type RoutePath = `${HttpMethod} /${string}`

/** `'GET /orders/:id/lines/:line'` -> `{ id: string; line: string }` */
export type PathParams<Path extends string> = Path extends `${string}:${infer Rest}`
  ? Rest extends `${infer Name}/${infer Tail}`
    ? { [K in Name]: string } & PathParams<Tail>
    : { [K in Rest]: string }
  : {}

type MaybeSchema = AnySchema | undefined
type MaybeBody = AnySchema | 'stream' | undefined

type OutputOr<S, Otherwise> = S extends AnySchema ? OutputOf<S> : Otherwise
type UserOf<A extends Auth> = A extends 'user' | { role: unknown }
  ? User
  : A extends 'optional'
    ? User | undefined
    : undefined
type BodyOf<B> = B extends 'stream' ? Readable : OutputOr<B, undefined>
/** What the reply schema takes, or one of the reply helpers (`stream`, `html`, `redirect` …). */
export type HandlerResult<R> = R extends AnySchema ? InputOf<R> | Reply : void | Reply

/** What a route's handler is given: the validated request, and its module's context. */
export interface RouteContext<
  K extends KitTypes,
  Path extends string,
  P extends MaybeSchema,
  Q extends MaybeSchema,
  H extends MaybeSchema,
  B extends MaybeBody,
  A extends Auth,
> extends ModuleContext<K> {
  readonly params: OutputOr<P, PathParams<Path>>
  readonly query: OutputOr<Q, undefined>
  /** Those that the route declares; all that came are in `request.headers`. */
  readonly headers: OutputOr<H, undefined>
  readonly body: BodyOf<B>
  readonly user: UserOf<A>
  readonly session: HttpRequest['session']
  readonly request: Omit<HttpRequest, 'params' | 'query' | 'headerValues' | 'body' | 'user' | 'session' | 'signal'>
}

/** Anything, if the schema has just the path's parameters; otherwise a type that says so. */
export type MatchesPath<P extends MaybeSchema, Path extends string> = P extends AnySchema
  ? [keyof OutputOf<P>, keyof PathParams<Path>] extends [keyof PathParams<Path>, keyof OutputOf<P>]
    ? unknown
    : `params must describe just the parameters of '${Path}'`
  : unknown

export interface RouteOptions<
  K extends KitTypes,
  Path extends string,
  P extends MaybeSchema,
  Q extends MaybeSchema,
  H extends MaybeSchema,
  B extends MaybeBody,
  R extends MaybeSchema,
  A extends Auth,
> {
  /** Who may call it. Required, so that nobody opens a route by forgetting a line. */
  auth: A
  /** Path parameters arrive as strings: let the schema coerce. Without one they stay strings. */
  params?: P & MatchesPath<P, Path>
  /** Query values arrive as strings (repeated ones as arrays): let the schema coerce. */
  query?: Q
  /** Headers that the handler needs, their names in lower case: `z.object({ 'idempotency-key': z.uuid() })`. */
  headers?: H
  /** A schema, or `'stream'` for uploads that are handed on as they arrive. */
  body?: B
  /** What is answered. Fields that the schema does not declare are left out of the answer. */
  reply?: R
  /** Status of a successful answer. Defaults to 200, and to 204 without `reply`. */
  status?: number
  /** One limit or several; all have to agree. None by default. */
  limit?: RouteLimit | readonly RouteLimit[]
  /** Largest body in bytes. Defaults to 1 MiB, and to 100 MiB for `'stream'`; larger ones are answered 413. */
  bodyLimit?: number
  /** How long the handler may take; then the client gets 503 and `signal` aborts. Defaults to 30 s. */
  timeout?: Duration
  /** Who goes first when more comes than the process can do: `critical` is turned away last, `low` first. Defaults to
   *  `normal`. Among equals, signed-in users go before visitors. */
  priority?: Priority
  /** Keeps the body's bytes in `request.rawBody`, for checking signatures. Defaults to false. */
  raw?: boolean
  /** What its answer follows, when that is `follow` of an `m.live`: for the API reference and the types of the client. */
  follows?: LiveDefinition<string, any>
  /** One line for the API reference. */
  summary?: string
  description?: string
  deprecated?: boolean
  handler: Handler<RouteContext<K, Path, P, Q, H, B, A>, R>
}

/** As a conditional type the checker looks through it while it infers, so that `state: 'paid'` stays that literal. */
type Handler<Context, R> = R extends AnySchema
  ? (context: Context) => Promise<HandlerResult<R>> | HandlerResult<R>
  : (context: Context) => Promise<void | Reply> | void | Reply

/** A route, as a module lists it. Its handler was checked against its schemas where it was written. */
export interface RouteDefinition<Module extends string = string> {
  readonly kind: 'route'
  readonly module: Module
  readonly path: RoutePath
  readonly options: Omit<
    RouteOptions<KitTypes, string, MaybeSchema, MaybeSchema, MaybeSchema, MaybeBody, MaybeSchema, Auth>,
    'handler' | 'params'
  > & {
    params?: MaybeSchema
    /** Made by `m.socket`. */
    socket?: AnySocket
    handler(context: unknown): unknown
  }
}
