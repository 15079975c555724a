/** What the app and its database felt while they were loaded: from the telemetry store, from Postgres, and from /proc where
 *  they run on this machine. What nobody told stays undefined. */
import { hostname } from 'node:os'
import pg from 'pg'
import { cpuSecondsOf, cpuSecondsOfFamily, machineCpuSeconds, parentOf } from './meter.ts'
import type { Felt, StepResult } from './load.ts'

export interface Observer {
  begin(): { end(): Promise<Felt> }
  /** After the last step: adds what the app's processes have stored by then. */
  complete(steps: StepResult[]): Promise<void>
  close(): Promise<void>
}

const SAMPLE_MS = 500
/** The app writes its telemetry every ten seconds. */
const STORED_WITHIN_MS = 13_000

/** @param url the database, as a user who may see the statistics of all roles: otherwise sessions stay undefined */
export async function openObserver(url: string): Promise<Observer> {
  const client = new pg.Client({ connectionString: url, application_name: 'tenfold load' })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ pid: number; local: boolean }>(
    `select pg_backend_pid() as pid, coalesce(host(inet_client_addr()) = host(inet_server_addr()), true) as local`,
  )
  const server = rows[0]!.local ? parentOf(rows[0]!.pid) : undefined
  const databaseCpu = (): number | undefined => (server === undefined ? undefined : cpuSecondsOfFamily(server))
  // One at a time: a client answers one question after the other.
  let last: Promise<unknown> = Promise.resolve()
  const query = <Row>(text: string, values: unknown[] = []): Promise<Row[]> => {
    const asked = last.then(() => client.query(text, values)).then((answer) => answer.rows as Row[])
    last = asked.catch(() => {})
    return asked
  }

  return {
    begin() {
      const startedAt = performance.now()
      const before = { database: databaseCpu(), machine: machineCpuSeconds(), app: appCpu(query) }
      const samples: Sessions[] = []
      const sample = (): void =>
        void query<Sessions>(SESSIONS).then(
          (found) => samples.push(...found),
          () => {},
        )
      sample()
      const timer = setInterval(sample, SAMPLE_MS)
      return {
        async end() {
          clearInterval(timer)
          const seconds = (performance.now() - startedAt) / 1000
          const [app, appBefore] = [await appCpu(query), await before.app]
          const used = (now: number | undefined, then: number | undefined): number | undefined =>
            now === undefined || then === undefined ? undefined : Math.max(0, now - then) / seconds
          return known({
            appCpu: used(app?.seconds, appBefore?.seconds),
            processes: app?.processes,
            databaseCpu: used(databaseCpu(), before.database),
            machineCpu: used(machineCpuSeconds()?.busy, before.machine?.busy),
            activeSessions: mean(samples.map(({ active }) => active)),
            lockedSessions: mean(samples.map(({ locked }) => locked)),
            connections: mean(samples.map(({ connections }) => connections)),
          })
        },
      }
    },

    async complete(steps) {
      const end = Math.max(...steps.map(({ startedAt, seconds }) => startedAt + seconds * 1000))
      await untilStored(query, end).catch(() => {})
      for (const step of steps) {
        const stored = await storedOf(query, step).catch(() => ({}))
        // What /proc said is exact and comes last.
        step.felt = known({ ...stored, ...step.felt })
      }
    },

    async close() {
      await client.end().catch(() => {})
    },
  }
}

type Query = <Row>(text: string, values?: unknown[]) => Promise<Row[]>

interface Sessions {
  active: number
  locked: number
  connections: number
}

const SESSIONS = `
  select count(*) filter (where state = 'active' and pid <> pg_backend_pid())::int as active,
         count(*) filter (where wait_event_type = 'Lock')::int as locked, count(*)::int as connections
    from pg_stat_activity where datname = current_database()`

/** Of those processes of the app that run on this machine; undefined when one of them does not. */
async function appCpu(query: Query): Promise<{ seconds: number; processes: number } | undefined> {
  const rows = await query<{ pid: number; host: string }>(
    'select pid, host from tenfold.telemetry_process where good_until > now()',
  ).catch(() => [])
  const own = rows.filter(({ host }) => host === hostname()).map(({ pid }) => cpuSecondsOf(pid))
  if (rows.length === 0 || own.length < rows.length || own.includes(undefined)) return undefined
  return { seconds: own.reduce<number>((sum, one) => sum + one!, 0), processes: rows.length }
}

async function untilStored(query: Query, endMs: number): Promise<void> {
  const deadline = performance.now() + STORED_WITHIN_MS
  while (performance.now() < deadline) {
    const [row] = await query<{ stored: boolean }>(
      `select coalesce(min(seen_at) > to_timestamp($1::float8 / 1000), true) as stored
         from tenfold.telemetry_process where good_until > now()`,
      [endMs],
    )
    if (row?.stored ?? true) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** From the slots of ten seconds that the step reaches into. */
async function storedOf(query: Query, { startedAt, seconds }: StepResult): Promise<Partial<Felt>> {
  const span = [startedAt - 9000, startedAt + seconds * 1000]
  const [runtime] = await query<{ cpu: number | null; loop: number | null; memory: number | null; processes: number }>(
    `with each as (
       select instance_id, avg(cpu_percent) as cpu, max(event_loop_utilization) as loop, max(memory_bytes) as memory
         from tenfold.telemetry_runtime_10s
        where time > to_timestamp($1::float8 / 1000) and time <= to_timestamp($2::float8 / 1000) group by 1
     ) select sum(cpu)::float8 as cpu, max(loop)::float8 as loop, sum(memory)::float8 as memory, count(*)::int as processes from each`,
    span,
  )
  const [work] = await query<{ requests: number; queries: number; ms: number }>(
    `select coalesce(sum(count) filter (where kind = 'request' and name = '*'), 0)::float8 as requests,
            coalesce(sum(inner_count) filter (where kind = 'request' and name = '*'), 0)::float8 as queries,
            coalesce(sum(total_ms) filter (where kind = 'query'), 0)::float8 as ms
       from tenfold.telemetry_operation_10s
      where time > to_timestamp($1::float8 / 1000) and time <= to_timestamp($2::float8 / 1000)`,
    span,
  )
  return {
    ...(typeof runtime?.cpu === 'number' && { appCpu: runtime.cpu / 100, processes: runtime.processes }),
    ...(typeof runtime?.loop === 'number' && { eventLoop: runtime.loop, memoryBytes: runtime.memory! }),
    ...(work &&
      work.requests > 0 && { queriesPerRequest: work.queries / work.requests, databaseMs: work.ms / work.requests }),
  }
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

function known(felt: { [K in keyof Felt]: Felt[K] | undefined }): Felt {
  return Object.fromEntries(Object.entries(felt).filter(([, value]) => value !== undefined))
}
