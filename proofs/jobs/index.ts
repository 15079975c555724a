/** kill -9 at random moments, and afterwards every job is accounted for. */
import { randomInt } from 'node:crypto'
import type { Database } from '../../packages/tenfold/src/database/index.ts'
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import proof, { LIMIT, ON_REDIS, PLANTS, SUBSCRIBERS } from './app.ts'
import { wreak } from './chaos.ts'
import { startCrew } from './crew.ts'
import { readEvidence } from './evidence.ts'
import { watchFinished } from './finished.ts'
import { facts, judge, witnesses } from './judge.ts'
import { randomFrom } from './random.ts'
import { openAdmin, startKillableRedis, startKillableServer } from './server.ts'
import { addUp } from './slices.ts'

const LEASE_MS = 2000
const WHOLE = { jobs: 100_000, kills: 500 }

export default {
  name: 'jobs',
  about:
    'no job is lost, none runs twice without cause: workers, producers, Postgres and Redis killed at random moments',
  options: {
    kills: 'kill -9 of workers; 430 unless --quick, then 8',
    seed: 'repeats the order and the pauses of the kills; printed by every run',
    slices:
      'a file that adds up runs of 86 kills each, for machines that cannot be had for so long; five are as good as a whole one',
    plant: `faults to plant, to see them found, separated by commas: ${PLANTS.join(', ')}`,
  },
  run,
} satisfies Claims

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const seed = Number(set.seed ?? randomInt(2 ** 31))
  const kills = Number(set.kills ?? (quick ? 8 : set.slices ? 86 : 430))
  const whole = set.kills === undefined && !quick && !set.slices
  const atLeast = whole ? WHOLE : { jobs: set.slices ? WHOLE.jobs / 4 : 100, kills: 1 }
  const plant = set.plant ?? ''
  log(`seed ${seed}`)
  const server = await startKillableServer()
  const redis = await startKillableRedis()
  const variables = {
    DATABASE_URL: server.adminUrl,
    REDIS_URL: redis.url,
    SECRET_KEY: 'a secret key for this proof, and nothing else',
    SMTP_URL: 'smtp://127.0.0.1:1',
    PLANT: plant,
  }
  const stops: (() => Promise<void>)[] = [() => server.stop(), () => redis.stop()]
  try {
    const instance = await proof.start({
      roles: [],
      migrate: true,
      variables: { ...variables, NODE_ENV: 'production', LOG_LEVEL: 'fatal' },
    })
    stops.push(() => instance.stop())
    const admin = openAdmin(server.adminUrl)
    stops.push(() => admin.service.stop())

    const workers = startCrew('worker.program.ts', quick ? 2 : 3, () => ({ ...variables, LEASE_MS: String(LEASE_MS) }))
    stops.push(() => workers.stop())
    const producers = startCrew('producer.program.ts', quick ? 1 : 2, (n) => ({
      ...variables,
      SEED: String(seed + n),
      PAUSE_MS: quick ? '8' : '60',
      BULK: quick ? '0' : '3',
    }))
    stops.push(() => producers.stop())

    const done = await watchFinished(redis.url, ON_REDIS)
    stops.push(async () => void (await done.stop()))
    const chaos = await wreak({
      kills,
      producerKills: Math.ceil(kills / 10),
      serverKills: Math.ceil(kills / 25),
      redisKills: Math.ceil(kills / 25),
      pauses: Math.ceil(kills / 25),
      everyMs: quick ? 700 : 900,
      leaseMs: LEASE_MS,
      random: randomFrom(seed),
      workers,
      producers,
      server,
      redis,
      signal,
      log,
    })
    await untilEnough(atLeast.jobs, admin, signal)
    await producers.stop()
    if (plant.includes('again')) await putBack(admin)
    log('waiting until all is done')
    const setAside = await drain(instance.queue, admin, 60_000, log)
    await workers.stop()

    const evidence = {
      ...(await readEvidence(admin.system, await done.stop())),
      chaos,
      leasesLost: workers.leasesLost,
      leaseMs: LEASE_MS,
      limit: LIMIT,
      subscribers: SUBSCRIBERS,
      onRedis: ON_REDIS,
      atLeast,
    }
    for (const complaint of [...workers.complaints, ...producers.complaints].slice(0, 5)) log(complaint.trimEnd())
    for (const line of witnesses(evidence)) log(line)
    return {
      claims: set.slices ? await addUp(set.slices, seed, judge(evidence), WHOLE) : judge(evidence),
      rows: [
        { what: 'seed', count: seed },
        ...facts(evidence),
        { what: 'jobs set aside after five deaths, and retried', count: setAside },
      ],
      versions: { postgres: server.version },
    }
  } finally {
    for (const stop of stops.reverse()) await stop().catch((error: unknown) => log(String(error)))
  }
}

/** Waits until nothing is left to do, or nothing has become less for `patienceMs`. A job whose workers died five times waits
 *  for somebody to look at it: here it is retried, as a person would. Returns how many were. */
async function drain(
  queue: Queue,
  { system }: Database,
  patienceMs: number,
  log: (line: string) => void,
): Promise<number> {
  let least = Infinity
  let deadline = Date.now() + patienceMs
  let setAside = 0
  while (Date.now() < deadline) {
    for (const { id, error } of await queue.list({ state: 'dead', limit: 500 })) {
      if (error?.includes('worker died') && (await queue.retry(id))) setAside++
    }
    const { rows } = await system.query<{ left: number }>(
      `select ((select count(*) from tenfold.job) + (select count(*) from tenfold.event_outbox)
        + (select count(*) from tenfold.redis_held))::int as left`,
    )
    const { left } = rows[0]!
    if (left === 0) break
    if (left < least) deadline = Date.now() + patienceMs
    least = Math.min(least, left)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const { rows } = await system.query<{ name: string; state: string; n: number }>(
    'select name, state, count(*)::int as n from tenfold.job group by name, state order by name',
  )
  for (const { name, state, n } of rows) log(`left after ${patienceMs} ms without progress: ${n} ${state} ${name}`)
  return setAside
}

/** Until so many jobs are committed: kills may have been quicker than jobs. */
async function untilEnough(jobs: number, { system }: Database, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { rows } = await system.query<{ n: number }>('select count(*)::int as n from work.promise')
    if (rows[0]!.n >= jobs) return
    if (signal.aborted) throw signal.reason
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

type Queue = Awaited<ReturnType<typeof proof.start>>['queue']

/** Plants what must never be: jobs that have finished are ready again. */
async function putBack({ system }: Database): Promise<void> {
  await system.query(`
    insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms, payload)
      select id, nextval('tenfold.job_seq'), name, 'ready', rank, run_at, created_at, max_attempts, 60000, 50, 500, payload
      from tenfold.job_done where name = 'work.plain' limit 3`)
}
