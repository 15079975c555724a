import type { Duration } from '../kernel/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'

export interface CronContext<K extends KitTypes> extends ModuleContext<K> {
  /** The tick that this run is for, by the database's clock. */
  readonly fireAt: Date
}

export interface CronOptions<K extends KitTypes> {
  /** An IANA name such as `Europe/Berlin`. Defaults to `UTC`. */
  timeZone?: string
  /** How late a tick may still run, when nothing was up at its time. Defaults to 10 minutes. */
  grace?: Duration
  /** What happens to late ticks: none of them runs, the last one, or all within `grace`. Defaults to `once`. */
  catchUp?: 'skip' | 'once' | 'all'
  /** If the run before is unfinished: run beside it, leave this tick out, or wait for it. Defaults to `allow`. */
  overlap?: 'allow' | 'skip' | 'queue'
  /** Begins a random time after its tick, at most this. Defaults to 0. */
  jitter?: Duration
  /** Defaults to 3. */
  attempts?: number
  /** Defaults to 10 minutes. */
  timeout?: Duration
  /** Where its runs run, if REDIS_URL is set; Postgres decides in either case who runs a tick. Defaults as for jobs. */
  engine?: 'postgres' | 'redis'
  run(context: CronContext<K>): Promise<unknown>
}

/** Runs once per tick, on any number of processes. */
export interface CronDefinition<Module extends string = string> {
  readonly kind: 'cron'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  /** Five fields, or six with seconds first. */
  readonly schedule: string
  readonly options: Omit<CronOptions<KitTypes>, 'run'> & { run(context: never): Promise<unknown> }
}
