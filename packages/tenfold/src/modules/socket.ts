import type { AnySchema, Duration, InputOf, OutputOf } from '../kernel/index.ts'
import type { Auth, Closing, HttpRequest, RouteLimit } from '../http/index.ts'
import type { KitTypes } from './context.ts'
import type { LiveDefinition } from './live.ts'
import type { MatchesPath, RouteContext, RouteDefinition } from './route.ts'
import { currentScope } from './scope.ts'

type MaybeSchema = AnySchema | undefined

/** An open WebSocket, as handlers see it. */
export interface OpenSocket<Sent> {
  /** The same for all that happens on this connection; in every line of the log about it. */
  readonly id: string
  /** Checked against `send`, and sent to this client. Resolves when it is handed to the connection; in vain, without an error,
   *  when the client has gone. Others hear of things through `m.live`. */
  send(message: Sent): Promise<void>
  /** From now on, what is published under this key, on any instance, is sent to this client. Resolves when nothing is missed
   *  any more. A client that comes back gets what it has missed, if that was lately, or the event `gap`. */
  follow<Message extends Sent>(live: LiveDefinition<string, Message>, key: string): Promise<void>
  /** 1000 by default; your own codes are 4000 to 4999. The generated client does not come back by itself after these.
   *  @param reason at most 123 bytes */
  close(code?: number, reason?: string): void
}

/** What the handlers of a socket are given: the request that it began with, and their module's context. */
export interface SocketContext<
  K extends KitTypes,
  Path extends string,
  P extends MaybeSchema,
  Q extends MaybeSchema,
  A extends Auth,
  Sent,
> extends RouteContext<K, Path, P, Q, undefined, undefined, A> {
  readonly socket: OpenSocket<Sent>
}

export interface SocketOptions<
  K extends KitTypes,
  Path extends string,
  P extends MaybeSchema,
  Q extends MaybeSchema,
  A extends Auth,
  Received extends AnySchema,
  Sent extends AnySchema,
> {
  /** Who may open it. Looked at again every minute: who has signed out is sent away. */
  auth: A
  params?: P & MatchesPath<P, Path>
  query?: Q
  /** What the client may say: JSON. Anything else it is told, as TF_SOCKET_INVALID. */
  receive: Received
  /** What the client is told. */
  send: Sent
  /** How often it may be opened. */
  limit?: RouteLimit | readonly RouteLimit[]
  limits?: {
    /** Of one message of the client. Defaults to 64 KiB. */
    messageBytes?: number
    /** Messages of one client in a second, over ten seconds. Defaults to 20. */
    perSecond?: number
    /** How long a client may say nothing. By default, for ever. */
    idle?: Duration
  }
  /** How long `message` may take. Defaults to 30 s. */
  timeout?: Duration
  summary?: string
  description?: string
  deprecated?: boolean
  /** When it is open, before the first message is handled. */
  opened?(context: SocketContext<K, Path, P, Q, A, InputOf<Sent>>): Promise<void> | void
  /** A message of the client; one after the other. What is thrown the client is told, and the connection goes on. */
  message(
    context: SocketContext<K, Path, P, Q, A, InputOf<Sent>> & { readonly message: OutputOf<Received> },
  ): Promise<void> | void
  /** When it is closed, by whomever. */
  closed?(context: SocketContext<K, Path, P, Q, A, InputOf<Sent>> & { readonly closing: Closing }): Promise<void> | void
}

/** A socket whose types are not known any more: its handlers were checked where they were written. */
export interface AnySocket {
  /** `GET /rooms/:room` */
  readonly name: string
  readonly receive: AnySchema
  readonly send: AnySchema
  readonly limits?: { messageBytes?: number; perSecond?: number; idle?: Duration }
  opened?(context: object): Promise<void> | void
  message(context: object): Promise<void> | void
  closed?(context: object): Promise<void> | void
}

/** A route that answers WebSockets. */
export function socketRoute<Module extends string>(
  module: Module,
  path: `GET /${string}`,
  options: Omit<RouteDefinition['options'], 'handler' | 'socket' | 'reply'> & Omit<AnySocket, 'name'>,
): RouteDefinition<Module> {
  const { receive, send, limits, opened, message, closed, ...route } = options
  const socket: AnySocket = {
    name: path,
    receive,
    send,
    message,
    ...(limits && { limits }),
    ...(opened && { opened }),
    ...(closed && { closed }),
  }
  const handler = (context: unknown): unknown =>
    currentScope(`socket ${path}`).talk(module, socket, context as { request: HttpRequest })
  return { kind: 'route', module, path, options: { ...route, socket, handler } }
}
