import { type Duration, toMs } from '../kernel/index.ts'
import { BadStoreSetting } from './errors.ts'

export interface StoreSettings {
  /** How often what was collected is written. Defaults to 10 seconds; at least 100 ms. */
  flushEvery?: Duration
  /** Traces that took longer are always kept. Defaults to 1 second. */
  slow?: Duration
  /** Of the traces that neither failed nor were slow: so many of each route or job, and in all, per flush.
   *  Defaults to 20 and 100; `{ perName: 0, perFlush: 0 }` keeps errors and slow ones only. */
  sample?: {
    perName?: number
    perFlush?: number
    /** Access lines of requests that were answered below 400: so many a second. Defaults to 20. Standard output has all. */
    accessPerSecond?: number
  }
  /** The least level of log lines that are stored. Defaults to `info`. */
  logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  /** Metrics that are kept, by name, besides what the store counts by itself. Defaults to none. */
  metrics?: readonly string[]
  /** How often they are read. Defaults to 30 seconds. */
  metricsEvery?: Duration
  /** Whole days, in UTC, at least 1 each. */
  keepDays?: {
    /** Defaults to 2. */
    traces?: number
    /** Defaults to 2. */
    logs?: number
    /** Counts and durations by 10 seconds. Defaults to 1. */
    tenSeconds?: number
    /** Counts and durations by the minute, of each process. Defaults to 14. */
    minutes?: number
    /** Counts and durations by the hour, of all processes together. Defaults to 60. */
    hours?: number
    /** Of `metrics`. Defaults to 14. */
    metrics?: number
  }
  /** Size of the stored traces and of the stored logs, each. Beyond it the oldest day goes early, and of today only errors,
   *  slow traces and warnings are kept; beyond twice of it nothing. Defaults to 1 GiB. */
  maxBytes?: number
}

export interface CheckedSettings {
  flushMs: number
  slowMs: number
  perName: number
  perFlush: number
  accessPerSecond: number
  logLevel: NonNullable<StoreSettings['logLevel']>
  metrics: readonly string[]
  metricsEveryMs: number
  keepDays: Required<NonNullable<StoreSettings['keepDays']>>
  maxBytes: number
}

/** Fills in the defaults. Throws TF_TELEMETRY_SETTING for a value that makes no sense. */
export function checkSettings(given: StoreSettings): CheckedSettings {
  const settings: CheckedSettings = {
    flushMs: toMs(given.flushEvery ?? '10s'),
    slowMs: toMs(given.slow ?? '1s'),
    perName: given.sample?.perName ?? 20,
    perFlush: given.sample?.perFlush ?? 100,
    accessPerSecond: given.sample?.accessPerSecond ?? 20,
    logLevel: given.logLevel ?? 'info',
    metrics: given.metrics ?? [],
    metricsEveryMs: toMs(given.metricsEvery ?? '30s'),
    keepDays: { traces: 2, logs: 2, tenSeconds: 1, minutes: 14, hours: 60, metrics: 14, ...given.keepDays },
    maxBytes: given.maxBytes ?? 1024 ** 3,
  }
  const { flushMs, perName, perFlush, accessPerSecond, keepDays, maxBytes } = settings
  const mustBe = (holds: boolean, setting: string, value: unknown, rule: string): void => {
    if (!holds) throw BadStoreSetting({ setting, given: value, rule })
  }
  mustBe(flushMs >= 100 && flushMs <= 60_000, 'flushEvery', given.flushEvery, 'from 100 ms to 1 minute')
  mustBe(Number.isInteger(perName) && perName >= 0, 'sample.perName', perName, 'a whole number from 0')
  mustBe(Number.isInteger(perFlush) && perFlush >= 0, 'sample.perFlush', perFlush, 'a whole number from 0')
  mustBe(
    Number.isInteger(accessPerSecond) && accessPerSecond >= 0,
    'sample.accessPerSecond',
    accessPerSecond,
    'a whole number from 0',
  )
  mustBe(maxBytes >= 1024 ** 2, 'maxBytes', maxBytes, 'at least 1 MiB (1048576)')
  for (const [name, days] of Object.entries(keepDays)) {
    mustBe(Number.isInteger(days) && days >= 1, `keepDays.${name}`, days, 'a whole number of days from 1')
  }
  return settings
}
