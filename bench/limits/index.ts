/** What a decision costs, and how exact it is over several instances: tenfold beside the limiters that people use. */
import { testDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { migrations } from '../../packages/tenfold/src/limits/index.ts'
import { startTestRedis } from '../../packages/tenfold/src/redis/testing/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { fastifyRateLimit, PEERS, rateLimiterFlexible, tenfold, type Instance, type Kind, type Store } from './peers.ts'

export default {
  name: 'limits',
  about:
    'decisions in memory, Redis and Postgres and their accuracy, beside rate-limiter-flexible and @fastify/rate-limit',
  options: { rounds: 'slices of each; 9 unless --quick, then 5' },
  run,
} satisfies Claims

const INSTANCES = 4
const LIMIT = 1000
const ASKS = 3000
const STORES: readonly Store[] = ['memory', 'redis', 'postgres']
const FLOWS: Record<Store, number> = { memory: 1, redis: 64, postgres: 64 }
/** µs of CPU of this process: kind → one for each round. */
type Costs = ReadonlyMap<string, number[]>

async function run({ quick, set, log, signal, installPeers }: ClaimsOptions): Promise<Report> {
  const peers = await installPeers(PEERS)
  const telemetry = createTelemetry({ service: 'bench', env: 'production', level: 'silent' })
  const [database, server] = await Promise.all([
    testDatabase({ migrations: [migrations] }),
    startTestRedis({ appendfsync: 'no' }),
  ])
  const servers = { redisUrl: server.url, postgresUrl: database.url, db: database.system }
  try {
    const kinds = [
      tenfold(telemetry, servers),
      await rateLimiterFlexible(peers, servers),
      await fastifyRateLimit(peers, servers),
    ]
    const options = { rounds: Number(set.rounds ?? (quick ? 5 : 9)), ms: quick ? 250 : 600, signal }
    const allowed = new Map<Store, Costs>()
    for (const store of STORES) {
      log(`decisions in ${store}`)
      allowed.set(store, await costs(kinds, store, { ...options, max: 1e9, keys: 1000 }))
    }
    log('a flood of one client that is over its limit')
    const flood = await costs(kinds, 'redis', { ...options, max: 10, keys: 1 })
    const counts = new Map<string, number>()
    for (const store of ['redis', 'postgres'] as const) {
      log(`accuracy over ${INSTANCES} instances in ${store}`)
      for (const kind of kinds.filter(({ stores }) => stores.includes(store))) {
        counts.set(`${kind.name} ${store}`, await count(kind, store))
      }
    }
    return report(kinds, allowed, flood, counts)
  } finally {
    await telemetry.close()
    await server.stop()
    await database.close()
  }
}

interface CostOptions {
  rounds: number
  ms: number
  max: number
  keys: number
  signal: AbortSignal
}

async function costs(
  kinds: readonly Kind[],
  store: Store,
  { rounds, ms, max, keys, signal }: CostOptions,
): Promise<Costs> {
  const opened = new Map<string, Instance>()
  for (const kind of kinds)
    if (kind.stores.includes(store)) opened.set(kind.name, await kind.open(store, `bench${keys}`, max))
  const spent = new Map([...opened.keys()].map((name) => [name, [] as number[]]))
  try {
    for (let round = -1; round < rounds; round++) {
      for (const [name, instance] of opened) {
        signal.throwIfAborted()
        const cost = await slice(instance, FLOWS[store], keys, ms)
        if (round >= 0) spent.get(name)!.push(cost)
      }
    }
    return spent
  } finally {
    for (const instance of opened.values()) await instance.close()
  }
}

async function slice(instance: Instance, flows: number, keys: number, ms: number): Promise<number> {
  const until = performance.now() + ms
  const before = process.cpuUsage()
  let done = 0
  const flow = async (from: number): Promise<void> => {
    for (let n = from; ; n += 7) {
      await instance.take(`user:${n % keys}`)
      // The clock is looked at now and then: a decision in memory costs no more than a look.
      if (++done % 32 === 0 || flows > 1) {
        if (performance.now() > until) return
        // Those that decide at once would let nobody else run.
        if (done % 1024 === 0) await new Promise((resolve) => void setImmediate(resolve))
      }
    }
  }
  await Promise.all(Array.from({ length: flows }, (_, i) => flow(i * 13)))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / done
}

/** How many of 3000 requests at once over four instances are allowed, with a limit of 1000. */
async function count(kind: Kind, store: Store): Promise<number> {
  const instances = await Promise.all(Array.from({ length: INSTANCES }, () => kind.open(store, 'accuracy', LIMIT)))
  try {
    const asks = Array.from({ length: ASKS }, (_, i) => instances[i % INSTANCES]!.take('one'))
    return (await Promise.all(asks)).filter((answer) => (typeof answer === 'boolean' ? answer : answer.allowed)).length
  } finally {
    for (const instance of instances) await instance.close()
  }
}

function report(
  kinds: readonly Kind[],
  allowed: ReadonlyMap<Store, Costs>,
  flood: Costs,
  counts: ReadonlyMap<string, number>,
): Report {
  const times = (spent: Costs, name: string): number => {
    const ours = spent.get('tenfold')!
    return median(spent.get(name)!.map((value, round) => value / ours[round]!))
  }
  const ahead: Claim[] = STORES.flatMap((store) =>
    kinds
      .filter(({ name, stores }) => name !== 'tenfold' && stores.includes(store))
      .map(({ name }) => {
        const value = times(allowed.get(store)!, name)
        return {
          claim: `CPU for a decision in ${store}: ${name} against tenfold`,
          goal: 'at least 1 x',
          value: `${value.toFixed(2)} x`,
          holds: value >= 1,
        }
      }),
  )
  const exact: Claim[] = ['redis', 'postgres'].map((store) => {
    const value = counts.get(`tenfold ${store}`)!
    return {
      claim: `allowed of ${ASKS} over ${INSTANCES} instances with a limit of ${LIMIT}, in ${store}`,
      goal: `${LIMIT}, within 1 %`,
      value: String(value),
      holds: Math.abs(value - LIMIT) <= LIMIT / 100,
    }
  })
  const floods = kinds
    .filter(({ name }) => name !== 'tenfold')
    .map(({ name }): Claim => {
      const value = times(flood, name)
      return {
        claim: `CPU for a refusal in a flood: ${name} on Redis against tenfold`,
        goal: 'at least 10 x',
        value: `${value.toFixed(1)} x`,
        holds: value >= 10,
      }
    })
  const cell = (spent: Costs | undefined, name: string): string | undefined => {
    const found = spent?.get(name)
    return found && median(found).toFixed(2)
  }
  const rows: Row[] = kinds.map(({ name }) => {
    const row: Record<string, string | undefined> = {
      'µs CPU': name,
      ...Object.fromEntries(STORES.map((store) => [store, cell(allowed.get(store), name)])),
      'refused in a flood, redis': cell(flood, name),
      'allowed of 1000, redis': counts.get(`${name} redis`)?.toString(),
      'allowed of 1000, postgres': counts.get(`${name} postgres`)?.toString(),
    }
    return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Row
  })
  return { claims: [...ahead, ...floods, ...exact], rows }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}
