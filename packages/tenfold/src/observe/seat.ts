import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** A statement as its driver sends it. */
export interface Asked {
  text: string
  values: readonly unknown[]
  /** Holds the stack of who asked, where the driver sends later than that. */
  site?: { stack?: string } | undefined
  /** The transaction that it is part of. */
  transaction?: object | undefined
}

/** A statement on its way. */
export interface Underway {
  /** It has waited for a connection until now; what it asks is timed from here. */
  sent(): void
  done(rows: readonly unknown[], rowCount: number): void
  failed(error: unknown): void
  /** Runs a callback in the context of who asked. */
  within<T>(fn: () => T): T
}

/** Takes what the hooks see. Its methods never throw: what cannot be recorded is let pass. */
export interface Observer {
  /** Runs `handle` as one request. What `handle` throws is thrown. */
  serve(server: Server, request: IncomingMessage, response: ServerResponse, handle: () => boolean): boolean
  /** The framework knows the template of this request's route. */
  routed(request: object, template: string): void
  /** Undefined: it is not recorded. */
  ask(asked: Asked): Underway | undefined
  /** Of a driver that puts its text together later: timed from now on, told when its answer is there. */
  askLater(): (asked: Asked) => Underway | undefined
  /** Callbacks of drivers come from sockets: this keeps them in the context of who waits for them. */
  keepContext<Args extends unknown[], T>(fn: (...args: Args) => T): (...args: Args) => T
}

export interface PoolCounts {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  readonly options: { max?: number }
}

/** What the hooks of one process share. They are in place before the app is loaded, and do nothing until there is an observer:
 *  it is loaded when the app begins to listen. */
export interface Seat {
  observer: Observer | undefined
  /** Drivers that were loaded, by their names. */
  readonly drivers: Set<string>
  /** Connection pools of `pg` that are in use. */
  readonly pools: Set<WeakRef<PoolCounts>>
  /** Set around all that we do ourselves: it is not the app's. */
  readonly quiet: AsyncLocalStorage<true>
  /** Called with each server that listens. */
  listening(server: Server): void
}

export function createSeat(listening: (server: Server) => void): Seat {
  return { observer: undefined, drivers: new Set(), pools: new Set(), quiet: new AsyncLocalStorage(), listening }
}

/** Who is to be told of what the app asks; undefined for what we ask ourselves. */
export function observerOf({ observer, quiet }: Seat): Observer | undefined {
  return observer && quiet.getStore() === undefined ? observer : undefined
}
