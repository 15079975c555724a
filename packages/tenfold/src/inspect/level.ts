/** The level of the log of all processes of the app, for a time: more of it in the middle of an incident, without a restart,
 *  and back by itself. One row says so; a notification says that it has changed. */
import type { SystemDatabase } from '../database/index.ts'
import { messageOf, type Clock, type Service } from '../kernel/index.ts'
import type { LogLevel, Telemetry } from '../telemetry/index.ts'

const CHANNEL = 'tenfold_log_level'

export interface LevelView {
  /** What this process writes at least. */
  level: LogLevel
  /** Milliseconds since 1970: until then another one than usual; undefined: the usual one. */
  until?: number
}

export interface FleetLevel {
  now(): LevelView
  /** All processes, for so long; 0 minutes ends it. Resolves when this process has followed; the others follow at once. */
  set(level: LogLevel, minutes: number): Promise<LevelView>
  service: Service
}

export function createFleetLevel(options: {
  db: SystemDatabase
  telemetry: Pick<Telemetry, 'log' | 'logLevel'>
  clock: Clock
}): FleetLevel {
  const { db, clock } = options
  const { log, logLevel } = options.telemetry
  let usual: LogLevel | 'silent' | undefined
  let until: number | undefined
  let timer: NodeJS.Timeout | undefined
  let stopListening: (() => Promise<void>) | undefined

  const goTo = (level: LogLevel | 'silent'): void => {
    const from = logLevel.now()
    if (from === level) return
    logLevel.set(level)
    log.warn('The log level has changed', { from, to: level, ...(until && { until: new Date(until).toISOString() }) })
  }
  const goBack = (): void => {
    until = undefined
    if (usual !== undefined) goTo(usual)
    usual = undefined
  }
  const lookNow = async (): Promise<void> => {
    const { rows } = await db.query<{ level: LogLevel; left_ms: number }>(
      `select level, (extract(epoch from until - now()) * 1000)::float8 as left_ms from tenfold.telemetry_level
        where until > now()`,
    )
    clearTimeout(timer)
    const [row] = rows
    if (!row) return goBack()
    usual ??= logLevel.now()
    until = clock.now() + row.left_ms
    timer = setTimeout(goBack, row.left_ms)
    timer.unref()
    goTo(row.level)
  }
  // One after the other: what an earlier one read must not be followed after what a later one did.
  let last: Promise<void> = Promise.resolve()
  const look = (): Promise<void> => (last = last.catch(() => {}).then(lookNow))
  const lookAgain = (): void => {
    look().catch((error: unknown) => log.warn('The log level could not be read', { reason: messageOf(error) }))
  }

  const now = (): LevelView => ({ level: logLevel.now() as LogLevel, ...(until !== undefined && { until }) })
  return {
    now,
    async set(level, minutes) {
      await db.query(
        `insert into tenfold.telemetry_level (level, until) values ($1, now() + make_interval(secs => $2::float8))
         on conflict (only_row) do update set level = excluded.level, until = excluded.until`,
        [level, minutes * 60],
      )
      await look()
      await db.query(`select pg_notify('${CHANNEL}', '')`)
      return now()
    },
    service: {
      name: 'log level',
      async start() {
        stopListening = await db.listen(CHANNEL, lookAgain)
        await look()
      },
      async stop() {
        await stopListening?.()
        await last.catch(() => {})
        clearTimeout(timer)
      },
    },
  }
}
