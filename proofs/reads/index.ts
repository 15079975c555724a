/** Whoever has written sees it, on every instance and however far the replicas are behind; and replicas do the reading. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { startInstance, type Instance, type Told } from './instances.ts'
import { writeAndRead, type Pairs, type PairsOptions } from './pairs.ts'

const USERS = 12
const LAGS = [5, 250, 3000]
/** Requests that are under way break then, and their clients are told. */
const BREAKS = new Set(['failover', 'the pooler restarted'])

export default {
  name: 'reads',
  about: 'no reader misses its own write on any instance, whatever the lag of the replicas, and they do the reading',
  options: {
    pairs: 'write-then-read pairs at all lags together; 10000 unless --quick, then 600',
    only: '`lags`: without the faults',
    paused: 'seconds for which a replica stands still; 90 unless --quick, then 2',
    plant: 'a fault to plant, to see it found: deaf (instances ignore what their clients have written elsewhere)',
  },
  run,
} satisfies Claims

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const total = Number(set.pairs ?? (quick ? 600 : 10_000))
  const stops: (() => Promise<void>)[] = []
  try {
    log('starting a primary and two replicas')
    const cluster = await startCluster(stops)
    const variables = {
      DATABASE_URL: cluster.url,
      DATABASE_DIRECT_URL: cluster.directUrl,
      DATABASE_REPLICA_URLS: cluster.replicaUrls.join(),
      SECRET_KEY: 'a secret key for this proof, and nothing else',
      SMTP_URL: 'smtp://127.0.0.1:1',
      STORAGE_URL: pathToFileURL(join(tmpdir(), 'tenfold-proof-files')).href,
      PLANT: set.plant ?? '',
    }
    await migrate(variables)
    await Promise.all(cluster.replicas.map((replica) => replica.caughtUp()))
    const instances: Instance[] = []
    for (let n = 0; n < 2; n++) {
      const instance = await startInstance(variables)
      stops.push(() => instance.stop())
      instances.push(instance)
    }
    const stage = createStage(cluster, instances, log)
    for (const lag of LAGS) {
      signal.throwIfAborted()
      await stage.atLag(lag, Math.ceil(total / LAGS.length))
    }
    if (set.only !== 'lags') await stage.faults(quick ? 120 : 1500, Number(set.paused ?? (quick ? 2 : 90)), signal)
    const pooler = cluster.pooler && { pgbouncer: cluster.pooler.version }
    return { versions: { postgres: cluster.version, ...pooler }, ...stage.report(total) }
  } finally {
    for (const stop of stops.splice(0).reverse()) await stop().catch(() => {})
  }
}

async function migrate(variables: Record<string, string>): Promise<void> {
  const { default: proof } = await import('./app.ts')
  const instance = await proof.start({
    roles: [],
    migrate: true,
    variables: { ...variables, DATABASE_REPLICA_URLS: '', NODE_ENV: 'production', LOG_LEVEL: 'fatal' },
  })
  await instance.stop()
}

function createStage(cluster: Cluster, instances: readonly Instance[], log: (line: string) => void) {
  const rows: Row[] = []
  const measured = { stale: 0, pairs: 0, naive: 0, offload: 0, faultStale: 0, faultPairs: 0, faultFailed: 0, left: 0 }
  const urls = instances.map((instance) => instance.url)
  const pairs = (options: Partial<PairsOptions> & { count: number; name: string }): Promise<Pairs> =>
    writeAndRead({ urls, users: USERS, carry: true, ...options })

  const told = async (): Promise<Told> => {
    const all = await Promise.all(instances.map((instance) => instance.tell()))
    return {
      reads: sum(all.map((one) => one.reads)),
      misses: sum(all.map((one) => one.misses)),
      replicas: all[0]!.replicas,
    }
  }

  const add = (what: string, result: Pairs, { reads, misses }: Told, naive?: Pairs): number => {
    const offload = offloadOf(reads)
    rows.push({
      what,
      pairs: result.pairs,
      stale: result.stale,
      'not answered': result.failed,
      'by replicas': percent(offload),
      'read p50 ms': round(quantile(result.readMs, 0.5)),
      'read p99 ms': round(quantile(result.readMs, 0.99)),
      'stale without positions': naive ? percent(naive.stale / Math.max(1, naive.pairs)) : '',
      'why the primary': Object.entries(misses)
        .map(([reason, count]) => `${reason} ${count}`)
        .join(', '),
    })
    log(`${what}: ${result.stale} of ${result.pairs} stale, ${percent(offload)} by replicas`)
    return offload
  }

  /** Until both instances read from replicas again; they learn of them by reading. */
  const settle = async (): Promise<void> => {
    const deadline = Date.now() + 20_000
    for (let n = 0; Date.now() < deadline; n++) {
      await told()
      await pairs({ count: USERS * 4, name: `settle-${Date.now()}-${n}` })
      const all = await Promise.all(instances.map((instance) => instance.tell()))
      if (all.every(({ reads }) => offloadOf(reads) > 0.9)) return
    }
  }

  const fault = async (
    what: string,
    count: number,
    begin: () => Promise<void>,
    end: () => Promise<void>,
  ): Promise<void> => {
    await told()
    const running = pairs({ count, name: what.replaceAll(/\W+/g, '-'), pauseMs: 5 })
    await new Promise((resolve) => setTimeout(resolve, 200))
    await begin()
    const result = await running
    add(what, result, await told())
    measured.faultStale += result.stale
    measured.faultPairs += result.pairs
    if (!BREAKS.has(what)) measured.faultFailed += result.failed
    await end()
    await settle()
  }

  return {
    async atLag(ms: number, count: number): Promise<void> {
      await Promise.all(cluster.replicas.map((replica) => replica.setLag(ms)))
      const naive = await pairs({ count: Math.min(300, Math.ceil(count / 10)), name: `naive-${ms}`, carry: false })
      await pairs({ count: USERS * 10, name: `warm-up-${ms}` })
      await told()
      const result = await pairs({ count, name: `lag-${ms}` })
      const offload = add(`lag ${ms} ms`, result, await told(), naive)
      measured.stale += result.stale
      measured.pairs += result.pairs
      measured.naive += naive.stale
      if (ms === LAGS[0]) measured.offload = offload
    },

    async faults(count: number, pausedSeconds: number, signal: AbortSignal): Promise<void> {
      const [first, second] = cluster.replicas
      await Promise.all([first.setLag(0), second.setLag(0)])
      await settle()
      await fault(
        `one replica paused for ${pausedSeconds} s`,
        count,
        async () => {
          await first.pause()
          // Longer than a position is remembered: what is old enough to be everywhere is not there.
          const until = Date.now() + pausedSeconds * 1000
          for (let n = 0; Date.now() < until; n++) {
            signal.throwIfAborted()
            const more = await pairs({ count: USERS * 4, name: `paused-${n}`, pauseMs: 100 })
            measured.faultStale += more.stale
            measured.faultPairs += more.pairs
            measured.faultFailed += more.failed
          }
        },
        () => first.resume(),
      )
      signal.throwIfAborted()
      const { pooler } = cluster
      if (pooler) await fault('the pooler restarted', count, () => pooler.restart(), async () => {}) // prettier-ignore
      await fault(
        'one replica killed',
        count,
        () => first.kill(),
        () => first.restart(),
      )
      await fault('both replicas killed', count,
        async () => void (await Promise.all([first.kill(), second.kill()])),
        async () => void (await Promise.all([first.restart(), second.restart()]))) // prettier-ignore
      signal.throwIfAborted()
      await fault(
        'failover',
        count,
        () => cluster.failOver(),
        async () => {},
      )
      await settle()
      await told()
      const after = await pairs({ count, name: 'after' })
      measured.left = add('after the failover', after, await told())
      measured.faultStale += after.stale
      measured.faultPairs += after.pairs
    },

    report(total: number): { claims: Claim[]; rows: Row[] } {
      const enough = measured.pairs >= total
      return {
        rows,
        claims: [
          {
            claim: `stale own reads in ${measured.pairs} pairs over two instances, at lags of ${LAGS.join(', ')} ms`,
            goal: `0 of at least ${total}`,
            value: measured.stale,
            holds: measured.stale === 0 && enough,
          },
          {
            claim: 'own reads that replicas have answered, at the normal lag of 5 ms',
            goal: 'at least 90 %',
            value: percent(measured.offload),
            holds: measured.offload >= 0.9,
          },
          {
            claim: 'the replicas were really behind: stale reads of users who send no position',
            goal: 'more than 0',
            value: measured.naive,
            holds: measured.naive > 0,
          },
          {
            claim: `stale own reads in ${measured.faultPairs} pairs while replicas are paused and killed, the pooler restarts and the primary fails over`,
            goal: 0,
            value: measured.faultStale,
            holds: measured.faultStale === 0 && measured.faultPairs > 0,
          },
          {
            claim: 'requests that were not answered because a replica was paused or killed',
            goal: 0,
            value: measured.faultFailed,
            holds: measured.faultFailed === 0,
          },
          {
            claim: 'after the failover the replica that is left answers reads again',
            goal: 'at least 90 %',
            value: percent(measured.left),
            holds: measured.left >= 0.9,
          },
        ],
      }
    },
  }
}

function offloadOf(reads: Record<string, number>): number {
  const all = Object.values(reads).reduce((a, b) => a + b, 0)
  return all === 0 ? 0 : 1 - (reads.primary ?? 0) / all
}

function sum(counts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {}
  for (const one of counts) for (const [key, value] of Object.entries(one)) total[key] = (total[key] ?? 0) + value
  return total
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
