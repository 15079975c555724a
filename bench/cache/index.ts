/** What a hit costs, how often there is one, and how often a value is loaded: tenfold beside the caches that people use. */
import { setTimeout as sleep } from 'node:timers/promises'
import { migrations } from '../../packages/tenfold/src/cache/index.ts'
import { testDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { startTestRedis } from '../../packages/tenfold/src/redis/testing/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { hitRatios } from './hits.ts'
import { bentocache, cacheable, cacheManager, PEERS, tenfold, type Instance, type Kind } from './peers.ts'

export default {
  name: 'cache',
  about:
    'hits in memory and in Redis, hit ratio, loads by many instances, and invalidation, beside bentocache, cacheable, cache-manager',
  options: { rounds: 'slices of each; 9 unless --quick, then 5' },
  run,
} satisfies Claims

const OURS = 'tenfold'
const INSTANCES = 4
const CALLERS = 500
const LOAD_MS = 100
const KEYS = 1000
/** An object of about 120 bytes. */
const valueOf = (key: string) => ({
  id: key,
  name: `product ${key}`,
  price: 1999,
  tags: ['a', 'b'],
  stock: { berlin: 3, paris: 4 },
})
const KEY_OF = Array.from({ length: KEYS }, (_, i) => `product:${i}`)

async function run({ quick, set, log, signal, installPeers }: ClaimsOptions): Promise<Report> {
  const peers = await installPeers(PEERS)
  const telemetry = createTelemetry({ service: 'bench', env: 'production', level: 'silent' })
  const [database, server] = await Promise.all([
    testDatabase({ migrations: [migrations] }),
    startTestRedis({ appendfsync: 'no' }),
  ])
  const rounds = Number(set.rounds ?? (quick ? 5 : 9))
  try {
    const ours = tenfold(OURS, telemetry, database.system, 'redis')
    const onPostgres = tenfold('tenfold, Postgres', telemetry, database.system, 'postgres')
    const others = [await bentocache(peers), await cacheable(peers), await cacheManager(peers)]
    const kinds = [ours, ...others]
    const context = { rounds, quick, signal, redisUrl: server.url }

    log('hits in memory')
    const memory = await costs(kinds, { ...context, flows: 1, tiny: false })
    log('hits in Redis')
    const redis = await costs(kinds, { ...context, flows: 64, tiny: true })
    log('hit ratio')
    const ratio = await hitRatios(peers, quick)
    log('loads')
    const loads = new Map<string, number>()
    for (const kind of [...kinds, onPostgres]) loads.set(kind.name, await loadsOf(kind, server.url))
    log('invalidation')
    const late = new Map<string, number[]>()
    for (const kind of [ours, onPostgres, others[0]!, others[1]!])
      late.set(kind.name, await lateness(kind, server.url, quick ? 30 : 100))
    return report(kinds, memory, redis, ratio, loads, late)
  } finally {
    await telemetry.close()
    await server.stop()
    await database.close()
  }
}

interface CostOptions {
  rounds: number
  quick: boolean
  signal: AbortSignal
  redisUrl: string
  flows: number
  tiny: boolean
}

/** µs of CPU of this process for each hit: kind → one for each round. */
async function costs(
  kinds: readonly Kind[],
  { rounds, quick, signal, redisUrl, flows, tiny }: CostOptions,
): Promise<number[][]> {
  const load = async (key: string): Promise<unknown> => valueOf(key)
  const opened: Instance[] = []
  for (const kind of kinds) opened.push(await kind.open({ load, tiny, ...(tiny && { redisUrl }) }))
  try {
    for (const instance of opened) for (const key of KEY_OF) await instance.get(key)
    const spent = kinds.map((): number[] => [])
    for (let round = -1; round < rounds; round++) {
      for (const i of opened.keys()) {
        signal.throwIfAborted()
        const at = (i + round + opened.length) % opened.length
        const cost = await slice(opened[at]!, flows, quick ? 200 : 500)
        if (round >= 0) spent[at]!.push(cost)
      }
    }
    return spent
  } finally {
    for (const instance of opened) await instance.close()
  }
}

async function slice(instance: Instance, flows: number, ms: number): Promise<number> {
  const until = performance.now() + ms
  const before = process.cpuUsage()
  let done = 0
  const flow = async (from: number): Promise<void> => {
    for (let n = from; ; n += 7) {
      await instance.get(KEY_OF[n % KEYS]!)
      // The clock is looked at now and then: a hit in memory costs no more than a look.
      if (++done % 32 === 0 && performance.now() > until) return
      if (flows > 1 && performance.now() > until) return
    }
  }
  await Promise.all(Array.from({ length: flows }, (_, i) => flow(i * 13)))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / done
}

/** How often one missing value is loaded when all ask for it at the same time. */
async function loadsOf(kind: Kind, redisUrl: string): Promise<number> {
  let loads = 0
  const load = async (key: string): Promise<unknown> => {
    loads++
    await sleep(LOAD_MS)
    return valueOf(key)
  }
  const instances = await Promise.all(Array.from({ length: INSTANCES }, () => kind.open({ load, redisUrl })))
  try {
    for (const instance of instances) await instance.get(`warm:${kind.name}`)
    loads = 0
    await Promise.all(
      Array.from({ length: CALLERS * INSTANCES }, (_, i) => instances[i % INSTANCES]!.get(`cold:${kind.name}`)),
    )
    return loads
  } finally {
    for (const instance of instances) await instance.close()
  }
}

/** Milliseconds from `invalidate` on one instance until another one gives the new value; Infinity when that takes over 2 s. */
async function lateness(kind: Kind, redisUrl: string, tries: number): Promise<number[]> {
  let version = 0
  const load = async (): Promise<unknown> => ({ version })
  const [one, other] = [await kind.open({ load, redisUrl }), await kind.open({ load, redisUrl })]
  const late: number[] = []
  try {
    for (let i = 0; i < tries; i++) {
      const key = `late:${kind.name}:${i}`
      await one.get(key)
      await other.get(key)
      version++
      const began = performance.now()
      await one.invalidate(key)
      let ms = 0
      while (((await other.get(key)) as { version: number }).version !== version && ms < 2000) {
        await sleep(0)
        ms = performance.now() - began
      }
      late.push(ms < 2000 ? performance.now() - began : Infinity)
    }
    return late
  } finally {
    await one.close()
    await other.close()
  }
}

function report(
  kinds: readonly Kind[],
  memory: readonly number[][],
  redis: readonly number[][],
  ratio: readonly { trace: string; ours: number; lru: number }[],
  loads: ReadonlyMap<string, number>,
  late: ReadonlyMap<string, number[]>,
): Report {
  const times = (spent: readonly number[][], name: string): number => {
    const at = kinds.findIndex((kind) => kind.name === name)
    return median(spent[at]!.map((value, round) => value / spent[0]![round]!))
  }
  const least = (claim: string, value: number, goal: number, unit = 'x'): Claim => ({
    claim,
    goal: `at least ${goal} ${unit}`,
    value: `${value.toFixed(2)} ${unit}`,
    holds: value >= goal,
  })
  const zipf = ratio.find(({ trace }) => trace === 'zipf 0.9')!
  const claims: Claim[] = [
    least('CPU for a hit in memory: bentocache against tenfold', times(memory, 'bentocache'), 10),
    least('CPU for a hit in memory: cacheable against tenfold', times(memory, 'cacheable'), 25),
    least('CPU for a hit in memory: cache-manager against tenfold', times(memory, 'cache-manager'), 25),
    least('CPU for a hit in Redis: bentocache against tenfold', times(redis, 'bentocache'), 1.3),
    least('hit ratio above an LRU of the same size, zipf 0.9', (zipf.ours - zipf.lru) * 100, 6, 'points'),
    ...[OURS, 'tenfold, Postgres'].map((name) => ({
      claim: `loads for ${CALLERS} callers on each of ${INSTANCES} instances: ${name === OURS ? 'tenfold, Redis' : name}`,
      goal: '1',
      value: String(loads.get(name)),
      holds: loads.get(name) === 1,
    })),
    {
      claim: 'invalidation reaches another instance, 95 of 100',
      goal: 'within 100 ms',
      value: `${quantile(late.get(OURS)!, 0.95).toFixed(1)} ms`,
      holds: quantile(late.get(OURS)!, 0.95) <= 100,
    },
  ]
  const rows: Row[] = [
    ...kinds.map((kind, i) => ({
      cache: kind.name,
      'hit in memory, µs CPU': median(memory[i]!).toFixed(2),
      'hit in Redis, µs CPU': median(redis[i]!).toFixed(1),
      [`loads of ${INSTANCES} instances`]: loads.get(kind.name)!,
      'invalidated after ms, p50 / p95': latenessOf(late.get(kind.name)),
    })),
    {
      cache: 'tenfold, Postgres',
      [`loads of ${INSTANCES} instances`]: loads.get('tenfold, Postgres')!,
      'invalidated after ms, p50 / p95': latenessOf(late.get('tenfold, Postgres')),
    },
    ...ratio.map(({ trace, ours, lru }) => ({
      cache: `hit ratio, ${trace}`,
      tenfold: `${(ours * 100).toFixed(1)} %`,
      'lru-cache': `${(lru * 100).toFixed(1)} %`,
    })),
  ]
  return { claims, rows }
}

function latenessOf(late: readonly number[] | undefined): string {
  return late ? `${quantile(late, 0.5).toFixed(1)} / ${quantile(late, 0.95).toFixed(1)}` : '-'
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}
