/** What is published is heard, whoever dies in between. */
import { randomInt } from 'node:crypto'
import type { Database } from '../../packages/tenfold/src/database/index.ts'
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import { wreak } from '../jobs/chaos.ts'
import { startCrew } from '../jobs/crew.ts'
import { randomFrom } from '../jobs/random.ts'
import { openAdmin, startKillableServer } from '../jobs/server.ts'
import proof, { happened, PLANTS } from './app.ts'
import { judge, type Evidence } from './judge.ts'

const LEASE_MS = 2000
const RELAYED = 40_000

export default {
  name: 'events',
  about:
    'no event is lost, heard twice where once is promised, or out of order: publishers, relays and Postgres killed',
  options: {
    kills: 'kill -9 of relays and workers; 60 unless --quick, then 6',
    seed: 'repeats the order and the pauses of the kills; printed by every run',
    plant: `faults to plant, to see them found, separated by commas: ${PLANTS.join(', ')}`,
  },
  run,
} satisfies Claims

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const seed = Number(set.seed ?? randomInt(2 ** 31))
  const kills = Number(set.kills ?? (quick ? 6 : 60))
  log(`seed ${seed}`)
  const server = await startKillableServer()
  const variables = {
    DATABASE_URL: server.adminUrl,
    SECRET_KEY: 'a secret key for this proof, and nothing else',
    SMTP_URL: 'smtp://127.0.0.1:1',
    PLANT: set.plant ?? '',
  }
  const stops: (() => Promise<void>)[] = [() => server.stop()]
  try {
    const instance = await proof.start({
      roles: [],
      migrate: true,
      variables: { ...variables, NODE_ENV: 'production', LOG_LEVEL: 'fatal' },
    })
    stops.push(() => instance.stop())
    const admin = openAdmin(server.adminUrl)
    stops.push(() => admin.service.stop())
    const program = (name: string): string => new URL(name, import.meta.url).href
    const workers = startCrew(program('worker.program.ts'), quick ? 2 : 3, () => ({
      ...variables,
      LEASE_MS: String(LEASE_MS),
    }))
    stops.push(() => workers.stop())
    const producers = startCrew(program('producer.program.ts'), 2, (n) => ({
      ...variables,
      SEED: String(seed + n),
      PAUSE_MS: quick ? '20' : '8',
    }))
    stops.push(() => producers.stop())

    const chaos = await wreak({
      kills,
      producerKills: Math.ceil(kills / 6),
      serverKills: Math.ceil(kills / 20),
      pauses: Math.ceil(kills / 12),
      everyMs: quick ? 700 : 1200,
      leaseMs: LEASE_MS,
      random: randomFrom(seed),
      workers,
      producers,
      server,
      signal,
      log,
    })
    await producers.stop()
    log('waiting until all is heard')
    const retried = await drain(instance.queue, admin, quick ? 60_000 : 120_000)
    const evidence: Evidence = { ...(await readEvidence(admin)), relayed: undefined }
    if (!quick) {
      log(`${RELAYED} events at once`)
      evidence.relayed = await relay(instance, admin, signal)
    }
    await workers.stop()
    for (const complaint of [...workers.complaints, ...producers.complaints].slice(0, 5)) log(complaint.trimEnd())
    return {
      claims: judge(evidence),
      rows: [
        { what: 'seed', count: seed },
        { what: 'events committed', count: evidence.promises.length },
        {
          what: 'of them, events that one subscriber cannot handle',
          count: evidence.promises.filter((p) => p.poison).length,
        },
        { what: 'events rolled back', count: evidence.never.length },
        { what: 'deliveries', count: evidence.got.length },
        { what: 'relays and workers killed', count: chaos.workers.length },
        { what: 'paused for longer than their lease', count: chaos.pauses.length },
        { what: 'publishers killed', count: chaos.producers.length },
        { what: 'kills of Postgres', count: chaos.outages.length },
        { what: 'deliveries set aside after five deaths, and retried', count: retried },
      ],
      versions: { postgres: server.version },
    }
  } finally {
    for (const stop of stops.reverse()) await stop().catch((error: unknown) => log(String(error)))
  }
}

type Instance = Awaited<ReturnType<typeof proof.start>>

/** Until nothing is left but dead letters; those of dead workers are retried, as a person would. */
async function drain(queue: Instance['queue'], { system }: Database, timeoutMs: number): Promise<number> {
  const deadline = Date.now() + timeoutMs
  let retried = 0
  while (Date.now() < deadline) {
    for (const { id, error } of await queue.list({ state: 'dead', limit: 500 })) {
      if (error?.includes('worker died') && (await queue.retry(id))) retried++
    }
    const { rows } = await system.query<{ left_over: boolean }>(
      'select exists (select from tenfold.job) or exists (select from tenfold.event_outbox) as left_over',
    )
    if (!rows[0]!.left_over) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return retried
}

/** How fast the outbox empties when much is in it. */
async function relay(instance: Instance, { system }: Database, signal: AbortSignal): Promise<number> {
  const db = instance.db<object>('source')
  const before = await outbox(system)
  const started = performance.now()
  for (let from = 0; from < RELAYED; from += 1000) {
    if (signal.aborted) throw signal.reason
    await instance.run(() =>
      db.transaction(async (tx) => {
        await Promise.all(
          Array.from({ length: 1000 }, (_, i) => {
            const marker = `bulk-${from + i}`
            return happened.publish({ marker, key: marker, n: 0, poison: false }, { tx })
          }),
        )
      }),
    )
  }
  while ((await outbox(system)) > before) await new Promise((resolve) => setTimeout(resolve, 20))
  return RELAYED / ((performance.now() - started) / 1000)
}

async function outbox(system: Database['system']): Promise<number> {
  const { rows } = await system.query<{ n: number }>('select count(*)::int as n from tenfold.event_outbox')
  return rows[0]!.n
}

async function readEvidence({ system }: Database): Promise<Omit<Evidence, 'relayed'>> {
  const read = async <Row>(text: string): Promise<Row[]> => (await system.query<Row>(text)).rows
  const left = await read<{ n: number }>(
    'select ((select count(*) from tenfold.job) + (select count(*) from tenfold.event_outbox))::int as n',
  )
  return {
    promises: await read('select marker, key, n, poison from source.promise'),
    never: (await read<{ marker: string }>('select marker from source.never')).map(({ marker }) => marker),
    got: await read('select subscriber, marker, key, n from sink.got order by id'),
    dead: await read(
      `select regexp_replace(name, '^.*\\.', '') as subscriber, payload -> 'payload' ->> 'marker' as marker from tenfold.job_dead`,
    ),
    unfinished: left[0]!.n,
  }
}
