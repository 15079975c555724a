/** What is true of the whole and not of one process: the queue, the crons, the database server, who vanished. Every process
 *  with the role `cron` reads it now and then, in the background, and says it in its metrics: they all say the same, so that
 *  a query takes the largest. */
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls'
import type { Cron } from '../cron/index.ts'
import type { SystemDatabase } from '../database/index.ts'
import { messageOf, type Service } from '../kernel/index.ts'
import type { Queue } from '../queue/index.ts'
import type { MetricOptions, Telemetry } from '../telemetry/index.ts'

export interface GaugesOptions {
  db: SystemDatabase
  queue: Pick<Queue, 'summary'>
  crons: Pick<Cron, 'list' | 'missed'>
  telemetry: Telemetry
  /** The certificate of this address is looked at, once an hour. */
  publicUrl?: string | undefined
  /** In milliseconds. Defaults to 15000. */
  everyMs?: number
}

interface Point {
  value: number
  labels: Record<string, string>
}

type Reading = Record<string, Point[] | undefined>

const CERTIFICATE_EVERY_MS = 3_600_000
const DAY_MS = 86_400_000

const METRICS: Record<string, MetricOptions & { kind?: 'counter' }> = {
  'tenfold.queue.depth': { help: 'Jobs that are not finished.', unit: '{job}' },
  'tenfold.queue.oldest_age': { help: 'How long the oldest job that could run has waited.', unit: 's' },
  'tenfold.queue.dead': { help: 'Jobs that failed for good.', unit: '{job}' },
  'tenfold.cron.missed': { help: 'Times that a cron has missed since it last ran.', unit: '{tick}' },
  'tenfold.cron.last_success': { help: 'When a cron last ran to its end, in seconds since 1970.', unit: 's' },
  'tenfold.process.lost': { help: 'Processes that vanished within a quarter of an hour.', unit: '{process}' },
  'tenfold.db.server.connection.utilization': { help: 'Share of the connections of the server in use.', unit: '1' },
  'tenfold.db.server.size': { help: 'Size of the database.', unit: 'By' },
  'tenfold.db.server.idle_in_transaction': { help: 'Age of the oldest idle transaction.', unit: 's' },
  'tenfold.db.server.xid_age': { help: 'Age of the oldest transaction id.', unit: '{transaction}' },
  'tenfold.db.server.slot.retained': { help: 'Log that a replication slot keeps.', unit: '{gigabyte}' },
  'tenfold.db.server.deadlocks': {
    help: 'Deadlocks in this database since the process began.',
    unit: '{deadlock}',
    kind: 'counter',
  },
  'tenfold.certificate.days': { help: 'How long the certificate of PUBLIC_URL is valid.', unit: '{day}' },
}

export function createGauges(options: GaugesOptions): Service {
  const { telemetry, everyMs = 15_000 } = options
  let reading: Reading = {}
  let deadlocksBefore: number | undefined
  let certificate: Point[] | undefined
  let certificateAt = -Infinity
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const read = async (): Promise<void> => {
    const asked = { ...queue(options), ...crons(options), ...database(options.db) }
    // All are under way, so all are watched from here on: one that fails while another is waited for must not end the process.
    const read = Object.entries(asked).map(async ([name, points]): Promise<[string, Point[] | undefined]> => {
      // What cannot be read is not known: its metric is absent, and not as it was.
      const known = await points.catch((error: unknown) => {
        telemetry.log.debug('A gauge could not be read', { gauge: name, reason: messageOf(error) })
        return undefined
      })
      return [name, known]
    })
    const next: Reading = Object.fromEntries(await Promise.all(read))
    if (performance.now() - certificateAt >= CERTIFICATE_EVERY_MS) {
      certificateAt = performance.now()
      certificate = await certificateDays(options.publicUrl)
    }
    // What the server has counted since it began says nothing of our time.
    for (const point of next['tenfold.db.server.deadlocks'] ?? []) point.value -= deadlocksBefore ??= point.value
    reading = { ...next, 'tenfold.certificate.days': certificate }
  }
  const again = (): void => {
    running ??= read().finally(() => {
      running = undefined
    })
  }
  return {
    name: 'gauges',
    async start() {
      for (const [name, { kind = 'gauge', ...about }] of Object.entries(METRICS))
        telemetry.metrics.observe(name, about, () => reading[name] ?? [], kind)
      timer = setInterval(again, everyMs)
      timer.unref()
      again()
    },
    async stop() {
      clearInterval(timer)
      await running
      reading = {}
    },
  }
}

function queue({ queue: from }: GaugesOptions): Record<string, Promise<Point[]>> {
  const summary = from.summary()
  const each = (pick: (row: Awaited<typeof summary>[number]) => number): Promise<Point[]> =>
    summary.then((rows) => rows.map((row) => ({ value: pick(row), labels: { job: row.name } })))
  return {
    'tenfold.queue.depth': summary.then((rows) =>
      rows.flatMap(({ name, waiting, delayed, running: runs }) => [
        { value: waiting, labels: { job: name, state: 'waiting' } },
        { value: delayed, labels: { job: name, state: 'delayed' } },
        { value: runs, labels: { job: name, state: 'running' } },
      ]),
    ),
    // Jobs that somebody holds back wait on purpose.
    'tenfold.queue.oldest_age': each(({ paused, oldestWaitingMs }) => (paused ? 0 : oldestWaitingMs / 1000)),
    'tenfold.queue.dead': each(({ dead }) => dead),
  }
}

function crons({ crons: from }: GaugesOptions): Record<string, Promise<Point[]>> {
  const rows = from.list()
  const lastOf = rows.then(
    (all) => new Map(all.map(({ name, runs }) => [name, runs.find(({ state }) => state === 'done')])),
  )
  const missed = async (): Promise<Point[]> => {
    const [all, last] = [await from.missed(DAY_MS), await lastOf]
    return (await rows).map(({ name }) => {
      const since = last.get(name)?.fireAt ?? 0
      const value = all.filter((one) => one.name === name && one.fireAt > since).length
      return { value, labels: { cron: name } }
    })
  }
  return {
    'tenfold.cron.missed': missed(),
    'tenfold.cron.last_success': lastOf.then((last) =>
      [...last].flatMap(([cron, run]) => (run ? [{ value: run.fireAt / 1000, labels: { cron } }] : [])),
    ),
  }
}

function database(db: SystemDatabase): Record<string, Promise<Point[]>> {
  const one = async (sql: string): Promise<Point[]> => {
    const { rows } = await db.query<{ value: number | null; slot?: string }>(sql)
    return rows.flatMap(({ value, slot }) =>
      value === null ? [] : [{ value, labels: slot === undefined ? {} : { slot } }],
    )
  }
  return {
    'tenfold.process.lost': one(
      `select count(*)::int as value from tenfold.telemetry_process
        where good_until < now() and good_until > now() - interval '15 minutes'`,
    ),
    'tenfold.db.server.connection.utilization': one(
      `select (select sum(numbackends) from pg_stat_database)::float8 / current_setting('max_connections')::float8 as value`,
    ),
    'tenfold.db.server.size': one('select pg_database_size(current_database())::float8 as value'),
    'tenfold.db.server.idle_in_transaction': one(
      `select coalesce(extract(epoch from max(now() - state_change)), 0)::float8 as value from pg_stat_activity
        where state like 'idle in transaction%' and datname = current_database()`,
    ),
    'tenfold.db.server.xid_age': one(
      'select age(datfrozenxid)::float8 as value from pg_database where datname = current_database()',
    ),
    'tenfold.db.server.slot.retained': one(
      `select slot_name::text as slot,
              (case when pg_is_in_recovery() then null
               else pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) / 1e9 end)::float8 as value
         from pg_replication_slots where restart_lsn is not null`,
    ),
    'tenfold.db.server.deadlocks': one(
      'select deadlocks::float8 as value from pg_stat_database where datname = current_database()',
    ),
  }
}

/** Whoever issued it: an expired one is looked at, too. */
function certificateDays(publicUrl: string | undefined): Promise<Point[] | undefined> {
  const url = publicUrl === undefined ? undefined : URL.parse(publicUrl)
  if (url?.protocol !== 'https:') return Promise.resolve(undefined)
  const host = url.hostname
  return new Promise((resolve) => {
    const options = {
      host,
      servername: host,
      port: Number(url.port || 443),
      rejectUnauthorized: false,
      timeout: 10_000,
    }
    const socket = connectTls(options, () => {
      const { valid_to } = socket.getPeerCertificate() as Partial<DetailedPeerCertificate>
      socket.destroy()
      const value = (Date.parse(valid_to ?? '') - Date.now()) / DAY_MS
      resolve(Number.isFinite(value) ? [{ value, labels: { host } }] : undefined)
    })
    socket.on('timeout', () => socket.destroy(new Error('timeout')))
    socket.on('error', () => resolve(undefined))
  })
}
