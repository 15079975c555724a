import { hostname } from 'node:os'
import type { SystemDatabase } from '../database/index.ts'
import { type Clock, messageOf, type Service, systemClock } from '../kernel/index.ts'
import { createRedactor, createRuntimeReader, type RuntimeReader, type Telemetry } from '../telemetry/index.ts'
import { Collector } from './collect.ts'
import { type Batch, type Heartbeat, Writer } from './postgres/write.ts'
import { maintain } from './postgres/retention.ts'
import { forgetStatements, writeStatements } from './postgres/statements.ts'
import { checkSettings, type StoreSettings } from './settings.ts'

export interface StoreOptions extends StoreSettings {
  db: SystemDatabase
  telemetry: Telemetry
  /** What this process does: `web`, `worker`, `cron`, `console`. */
  roles: readonly string[]
  clock?: Clock
}

/** Keeps the recent past of all processes in the app's own Postgres, so that the console has something to show.
 *
 *  S1  Nothing on the path of a request waits for it or fails because of it.
 *  S2  A flush writes at most one statement for each table, however many requests there were.
 *  S3  Errors and slow traces are kept, up to a bound that is counted when it is reached; the rest is sampled evenly.
 *  S4  While the database is away, memory stays bounded, and what was dropped is counted; afterwards it goes on by itself.
 *  S5  Old data goes by dropping whole days, never row by row.
 *  S6  Numbers of several processes are added up from the same buckets: percentiles are of all requests together. */
export interface Store extends Service {
  /** Writes now what was collected. False when the database did not take it: then it stays for the next flush. */
  flush(): Promise<boolean>
  /** Makes and drops partitions and adds up hours now; otherwise done every ten minutes. */
  maintain(): Promise<{ dropped: string[] }>
  /** Calls back after each flush; returns how to stop that. */
  onData(listener: () => void): () => void
  stats(): StoreStats
}

export interface StoreStats {
  storedRows: number
  dropped: { traces: number; logs: number; points: number }
  /** Of the last flush that succeeded. */
  flushMs: number
  failedFlushes: number
}

const MAINTAIN_EVERY_MS = 600_000
const STOP_WITHIN_MS = 5000
const LEAST_GOOD_FOR_MS = 45_000

export function createStore(options: StoreOptions): Store {
  const { db, telemetry, roles, clock = systemClock } = options
  const settings = checkSettings(options)
  const collector = new Collector(settings, () => clock.now(), telemetry.metrics)
  const writer = new Writer(telemetry.instanceId, createRedactor())
  const listeners = new Set<() => void>()
  const startedAtMs = clock.now()
  const stats = { storedRows: 0, flushMs: 0, failedFlushes: 0 }

  let runtime: RuntimeReader | undefined
  let removeSink: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<boolean> | undefined
  let maintainedAt = -Infinity
  let away = false
  let knownTexts = { day: '', texts: new Set<string>(), statements: new Set<string>() }

  const duration = telemetry.metrics.histogram('tenfold.telemetry.store.flush.duration', {
    help: 'How long writing collected telemetry took.',
    unit: 's',
  })
  const storedRows = telemetry.metrics.counter('tenfold.telemetry.store.rows', {
    help: 'Telemetry rows written.',
    unit: '{row}',
  })
  telemetry.metrics.observe(
    'tenfold.telemetry.store.dropped',
    { help: 'Telemetry that found no room or no database.', unit: '{item}' },
    () => Object.entries(collector.dropped).map(([what, value]) => ({ value, labels: { what } })),
    'counter',
  )

  const flushOnce = async (last: boolean): Promise<boolean> => {
    runtime ??= createRuntimeReader(clock)
    const sample = runtime.read()
    const batch = collector.take(sample, { last })
    const started = clock.elapsed()
    try {
      if (clock.elapsed() - maintainedAt >= MAINTAIN_EVERY_MS) await maintainNow()
      const { flushMs } = stats
      const droppedTraces = collector.dropped.traces
      const beat = {
        roles,
        pid: process.pid,
        host: hostname(),
        startedAtMs,
        runtime: sample,
        flushMs,
        droppedTraces,
        goodForMs: Math.max(LEAST_GOOD_FOR_MS, 4 * settings.flushMs),
        release: telemetry.version,
      }
      const rows = await write(batch, beat)
      stats.storedRows += rows
      stats.flushMs = clock.elapsed() - started
      storedRows.add(rows)
      duration.record(stats.flushMs / 1000)
      if (away) telemetry.log.info('Telemetry is stored again', { dropped: collector.dropped })
      away = false
      for (const listener of listeners) listener()
      return true
    } catch (error) {
      stats.failedFlushes++
      if (isBadData(error)) collector.putBack({ ...batch, traces: [], logs: [] })
      else collector.putBack(batch)
      if (!away) telemetry.log.warn('Telemetry cannot be stored; the app goes on', { reason: messageOf(error) })
      away = true
      // A missing partition is made at the next attempt.
      maintainedAt = -Infinity
      return false
    }
  }

  const write = async (batch: Batch, beat: Heartbeat): Promise<number> => {
    const day = new Date(clock.now()).toISOString().slice(0, 10)
    if (knownTexts.day !== day || knownTexts.texts.size > 20_000) {
      knownTexts = { day, texts: new Set(), statements: new Set() }
      await forgetStatements(db)
    }
    await writer.queryTexts(db, batch.tenSeconds, knownTexts.texts)
    await writeStatements(db, telemetry.version, telemetry.statements.all(), knownTexts.statements)
    return db.transaction(async (tx) => {
      await writer.heartbeat(tx, beat)
      return writer.write(tx, batch)
    })
  }

  const maintainNow = async (): Promise<{ dropped: string[] }> => {
    const { dropped, room } = await maintain(db, settings, clock.now(), collector.room)
    collector.room = room
    maintainedAt = clock.elapsed()
    return { dropped }
  }

  // One at a time: what was recorded during a flush goes with the next.
  const flush = async (last = false): Promise<boolean> => {
    while (flushing) await flushing
    flushing = flushOnce(last).finally(() => {
      flushing = undefined
    })
    return flushing
  }

  return {
    name: 'telemetry store',
    flush: () => flush(),
    maintain: maintainNow,
    stats: () => ({ ...stats, dropped: collector.dropped }),

    onData(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    async start() {
      removeSink = telemetry.addSink(collector)
      timer = setInterval(() => {
        if (!flushing) void flush()
      }, settings.flushMs)
      timer.unref()
      // The first heartbeat: the process shows at once. Not awaited, since an absent database must not stop the app.
      void flush()
    },

    async stop() {
      clearInterval(timer)
      removeSink?.()
      await within(STOP_WITHIN_MS, async () => {
        if (await flush(true)) await writer.leave(db)
      })
      runtime?.close()
    },
  }
}

/** Class 22: a value that Postgres cannot take. It would fail again for ever. */
function isBadData(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && code.startsWith('22')
}

async function within(ms: number, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([work().catch(() => {}), timeout])
  clearTimeout(timer)
}
