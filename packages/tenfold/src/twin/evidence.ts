/** What an instance under test says about itself. The preload writes it, line by line, into a file of its own: synchronously,
 *  so that `kill -9` loses none of it. Programs that are not Node.js say nothing, and are judged by their answers. */

/** A line of the app's own code, with the path relative to its folder. */
export interface Place {
  file: string
  line: number
}

/** The request that was being answered. */
export interface Asked {
  /** The number of the step in the scenario; undefined for requests of somebody's own script. */
  step?: number
  method: string
  path: string
}

/** Something in the process that outlives a request. */
export interface Site extends Place {
  /** `sessions`, or `CatsService` for the fields of an object. */
  name: string
}

interface Circumstances {
  during?: Asked
  at?: Place
}

export type Kept = 'sessions' | 'limits' | 'cache' | 'uploads' | 'sockets'

export type Said =
  | { kind: 'hello'; pid: number; node: string }
  | { kind: 'listen'; pid: number; port: number; wanted: number; at?: Place }
  | ({ kind: 'file'; op: 'write' | 'read'; path: string } & Circumstances)
  | { kind: 'state'; site: Site; before: string; after: string; during?: Asked }
  /** A part of `site` is named by a key that clients send in a cookie or an Authorization header. */
  | { kind: 'keyed'; site: Site }
  /** A package keeps something in the memory or on the disk of this process. */
  | { kind: 'store'; keeps: Kept; package: string; at?: Place }
  | { kind: 'effect'; effect: Effect }
  /** Work goes on in the process after the request that began it was answered. */
  | ({ kind: 'deferred'; ms: number } & Circumstances)
  | { kind: 'held' }
  | { kind: 'hostname'; at?: Place }
  /** Long values that stand in variables before the first request, as digests. */
  | { kind: 'values'; values: { site: Site; digest: string }[] }

/** A thing done outside of the process. */
export interface Effect extends Circumstances {
  /** `POST 127.0.0.1:4010/mail`, `redis INCR orders`, `sql insert into orders`. */
  what: string
  /** Doing it twice does something else than doing it once. */
  once: boolean
  /** The answer to `during` was out already. */
  late?: boolean
  /** Where the timer or cron was set that did it. */
  timer?: Place
  /** The how-many-th time it fired since the clock was turned forward. */
  tick?: number
}

/** What the preload needs to know; comes in the variable TENFOLD_TWIN. */
export interface Orders {
  /** Where evidence goes. */
  file: string
  /** The Unix socket over which commands come. */
  socket: string
  /** The folder of the app, as this instance sees it. */
  root: string
  port: number
  hostname: string
  skewMs: number
}

/** What the preload does when it is told to. The budget is processor time: a busy machine is no reason to see less. */
export type Command = { id: number; do: 'advance'; horizonMs: number; budgetMs: number } | { id: number; do: 'release' }

/** The request header with the number of the step, and the one that holds a request until it is released. */
export const STEP_HEADER = 'x-tenfold-twin-step'
export const HOLD_HEADER = 'x-tenfold-twin-hold'

export function placeName({ file, line }: Place): string {
  return `${file}:${line}`
}
