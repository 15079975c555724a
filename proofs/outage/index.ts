/** Redis is killed, and it stands still: what those wait for who can do without it, and what happens when it is back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { migrations as cacheTables, openCaches } from '../../packages/tenfold/src/cache/index.ts'
import { testDatabase, type TestDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { systemClock } from '../../packages/tenfold/src/kernel/index.ts'
import { migrations as limitTables, openLimits } from '../../packages/tenfold/src/limits/index.ts'
import { openRedis } from '../../packages/tenfold/src/redis/index.ts'
import { startTestRedis, type TestRedis } from '../../packages/tenfold/src/redis/testing/index.ts'
import { migrations as sessionTables, openSessions } from '../../packages/tenfold/src/sessions/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'

export default {
  name: 'outage',
  about:
    'Redis killed or frozen: no failed call, hardly a longer wait, one load when it is back; for caches, limits, sessions',
  options: { seconds: 'of each outage; 10 unless --quick, then 3', calls: 'a second, of each kind; 200 by default' },
  run,
} satisfies Claims

const INSTANCES = 4
const CALLERS = 500
/** How much longer 99 of 100 calls may take than before. */
const MORE_MS = 20
/** Of a copy of a session, so that most reads go to Redis. */
const COPY_MS = 3000

type Kind = 'cache' | 'limits' | 'sessions'
const KINDS: readonly Kind[] = ['cache', 'limits', 'sessions']
type Call = (n: number) => Promise<unknown>
interface Instance extends Record<Kind, Call> {
  close(): Promise<void>
}
interface Phase {
  p50: number
  p99: number
  most: number
  calls: number
  failed: number
}
interface Source {
  loads: number
}

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const seconds = Number(set.seconds ?? (quick ? 3 : 10))
  const perSecond = Number(set.calls ?? 200)
  const [database, server] = await Promise.all([
    testDatabase({ migrations: [cacheTables, limitTables, sessionTables] }),
    startTestRedis({ appendfsync: 'no' }),
  ])
  const source: Source = { loads: 0 }
  const instances = await Promise.all(Array.from({ length: INSTANCES }, () => open(database, server, source)))
  try {
    const phase = (name: string, s: number): Promise<Record<Kind, Phase>> => {
      log(name)
      signal.throwIfAborted()
      return drive(instances, s, perSecond)
    }
    await phase('warming up', COPY_MS / 1000 + 1)
    const claims: Claim[] = []
    const rows: Row[] = []
    for (const [how, halt, resume] of [
      ['frozen', () => void process.kill(server.pid, 'SIGSTOP'), () => void process.kill(server.pid, 'SIGCONT')],
      ['killed', () => server.kill(), () => server.start()],
    ] as const) {
      const before = await phase(`before Redis is ${how}`, Math.min(seconds, 5))
      await halt()
      const during = await phase(`Redis is ${how}`, seconds).finally(resume)
      const loads = await herd(instances, source, how)
      const after = await phase('Redis is back', Math.min(seconds, 5))
      for (const kind of KINDS) {
        const more = during[kind].p99 - before[kind].p99
        claims.push({
          claim: `${kind}: what 99 of 100 calls take more while Redis is ${how}`,
          goal: `at most ${MORE_MS} ms`,
          value: `${more.toFixed(1)} ms`,
          holds: more <= MORE_MS,
        })
        for (const [when, one] of Object.entries({ before, [how]: during, after }))
          rows.push(rowOf(kind, when, one[kind]))
      }
      const failed = [before, during, after].flatMap((one) => KINDS.map((kind) => one[kind].failed))
      const all = failed.reduce((sum, n) => sum + n, 0)
      claims.push(
        { claim: `failed calls, Redis being ${how}`, goal: 0, value: all, holds: all === 0 },
        {
          claim: `loads for ${CALLERS} callers on each of ${INSTANCES} instances when it is back`,
          goal: 1,
          value: loads,
          holds: loads === 1,
        },
      )
    }
    return { claims, rows }
  } finally {
    for (const instance of instances) await instance.close()
    await server.stop()
    await database.close()
  }
}

async function open(database: TestDatabase, server: TestRedis, source: Source): Promise<Instance> {
  const telemetry = createTelemetry({ service: 'proof', env: 'production', level: 'silent' })
  const redis = await openRedis({ url: server.url, telemetry })
  const common = { db: database.system, telemetry, clock: systemClock, redis: { redis, prefix: 'proof' } }
  const caches = await openCaches({ ...common, maxEntries: 10 })
  const limits = openLimits(common)
  const sessions = openSessions({ ...common, copyFor: COPY_MS })
  const cache = caches.define<string, object>({
    name: 'proof.thing',
    ttl: '1h',
    async load(key) {
      source.loads++
      await sleep(key.startsWith('herd') ? 50 : 1)
      return { key }
    },
  })
  const limiter = limits.define({ name: 'proof.limit', windows: [{ max: 1e6, per: '1h' }] })
  const ids = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => (await sessions.create({ userId: `user-${i}` })).id),
  )
  return {
    cache: (n) => cache.get(n < 0 ? `herd ${n}` : `key ${n % 1000}`),
    limits: (n) => limiter.take(`key ${n % 100}`),
    async sessions(n) {
      if (!(await sessions.read(ids[n % ids.length]!))) throw new Error('signed out')
    },
    async close() {
      await Promise.all([caches.close(), limits.close(), sessions.close()])
      await redis.close()
      await telemetry.close()
    },
  }
}

/** Calls at even distances, however long those before them take. */
async function drive(instances: readonly Instance[], seconds: number, perSecond: number): Promise<Record<Kind, Phase>> {
  const taken: Record<Kind, number[]> = { cache: [], limits: [], sessions: [] }
  const failed: Record<Kind, number> = { cache: 0, limits: 0, sessions: 0 }
  const open = new Set<Promise<void>>()
  const began = performance.now()
  for (let n = 0; n < seconds * perSecond; n++) {
    const due = began + (n * 1000) / perSecond
    while (performance.now() < due) await sleep(Math.max(0, due - performance.now()))
    for (const kind of KINDS) {
      const sent = performance.now()
      const call: Promise<void> = instances[n % INSTANCES]![kind](n)
        .then(
          () => void taken[kind].push(performance.now() - sent),
          () => void failed[kind]++,
        )
        .finally(() => open.delete(call))
      open.add(call)
    }
  }
  await Promise.all(open)
  const phaseOf = (kind: Kind): Phase => {
    const ms = taken[kind].toSorted((a, b) => a - b)
    const at = (share: number): number => ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? 0
    return { p50: at(0.5), p99: at(0.99), most: at(1), calls: ms.length, failed: failed[kind] }
  }
  return { cache: phaseOf('cache'), limits: phaseOf('limits'), sessions: phaseOf('sessions') }
}

/** How often one missing value is loaded when all ask for it, as soon as all instances use Redis again. */
async function herd(instances: readonly Instance[], source: Source, how: string): Promise<number> {
  const salt = how.length * 1000
  for (let tried = 1; ; tried++) {
    const before = source.loads
    for (const instance of instances) await instance.cache(-salt - tried)
    if (source.loads - before === 1) break
    if (tried === 500) throw new Error('Redis was not used again.')
    await sleep(20)
  }
  const before = source.loads
  await Promise.all(Array.from({ length: CALLERS * INSTANCES }, (_, i) => instances[i % INSTANCES]!.cache(-salt - 999)))
  return source.loads - before
}

function rowOf(kind: Kind, when: string, { p50, p99, most, calls, failed }: Phase): Row {
  return {
    what: kind,
    redis: when,
    calls,
    failed,
    'p50 ms': p50.toFixed(1),
    'p99 ms': p99.toFixed(1),
    'most ms': most.toFixed(1),
  }
}
