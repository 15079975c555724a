/** What a job costs, beside the queues that people use today and the raw ceilings of the database. */
import { writeFileSync } from 'node:fs'
import type { Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { claimsOf } from './claims.ts'
import { cpuOf, cpuOfMachine } from './cpu.ts'
import { plotOf } from './plot.ts'
import { setStage, type Side, type Stage } from './stage.ts'
import { median, type Results, type Sample } from './samples.ts'
import type { Order } from './side.program.ts'
import { OURS, PEERS, RAW, SYSTEMS } from './systems/index.ts'

export default {
  name: 'jobs',
  about: 'jobs per second, latency and CPU per job, beside BullMQ, pg-boss, graphile-worker and raw SQL',
  options: {
    rounds: 'of each system in each scenario; 6 unless --quick, then 3',
    only: 'scenarios whose name contains one of these, with commas between them and no space after a comma',
    hold: 'seconds that a snapshot is held open; 120 unless --quick, then 10',
    jobs: 'that run at constant depth, to see how the hot table grows; 1000000 unless --quick, then 200000',
    plot: 'a file that gets throughput against backlog and workers as SVG',
    backlog: 'the largest backlog of the curve; 1000000 unless --quick, then 10000',
  },
  run,
} satisfies Claims

interface Scenario {
  name: string
  unit: 'jobs/s' | 'ms (p95)' | 'x'
  systems: readonly string[]
  measure(stage: Stage, system: string): Promise<Sample>
}

const ALL = Object.keys(SYSTEMS)
const QUEUES = ALL.filter((name) => name !== RAW)

async function run({ quick, set, log, signal, installPeers }: ClaimsOptions): Promise<Report> {
  const peers = await installPeers(PEERS)
  const stage = await setStage(ALL, peers)
  try {
    const rounds = Number(set.rounds ?? (quick ? 3 : 6))
    const chosen = [
      ...scenarios(quick),
      ...ageing(Number(set.hold ?? (quick ? 10 : 120)), Number(set.jobs ?? (quick ? 200_000 : 1_000_000)), log),
      ...curve(Number(set.backlog ?? (quick ? 10_000 : 1_000_000))),
    ].filter(({ name }) => (set.only ?? '').split(/,(?! )/).some((words) => name.includes(words)))
    const results: Results = new Map()
    for (const scenario of chosen) {
      const samples = new Map(scenario.systems.map((system) => [system, [] as Sample[]]))
      results.set(scenario.name, samples)
      for (let round = 0; round < rounds; round++) {
        for (const system of shuffled(scenario.systems)) {
          if (signal.aborted) throw signal.reason
          samples.get(system)!.push(await scenario.measure(stage, system))
        }
      }
      for (const [system, list] of samples) {
        const values = list.map((one) => `${round1(one.value)} (others ${one.others.toFixed(2)})`)
        log(`${scenario.name}, ${system}: ${values.join(', ')} ${scenario.unit}`)
      }
    }
    if (set.plot) writeFileSync(set.plot, plotOf(results))
    return { claims: claimsOf(results), rows: rowsOf(chosen, results), versions: stage.versions }
  } finally {
    await stage.stop()
  }
}

function scenarios(quick: boolean): Scenario[] {
  const drained = quick ? 20_000 : 40_000
  return [
    rate('enqueue one after another', ALL, { do: 'sequential', count: quick ? 1000 : 2000 }),
    rate('enqueue, 50 callers', ALL, { do: 'concurrent', count: quick ? 10_000 : 20_000, callers: 50 }),
    rate('enqueue 1,000 at a time', ALL, { do: 'bulk', count: drained, size: 1000 }),
    ...[1, 10, 50].map((concurrency) => drain(`run, concurrency ${concurrency}`, ALL, drained, concurrency)),
    ...[1, 2, 4].map((processes) => crew(processes, drained)),
    latency('enqueue to start, same process', quick ? 200 : 1000, false),
    latency('enqueue to start, another process', quick ? 200 : 1000, true),
  ]
}

/** Of ours alone: what minutes and millions do to it. */
function ageing(holdSeconds: number, jobs: number, log: (line: string) => void): Scenario[] {
  const flow = (name: string, hold: boolean): Scenario => ({
    name,
    unit: 'jobs/s',
    systems: [OURS],
    measure: (stage, system) =>
      withSide(stage, system, async (side) => {
        const release = hold ? await stage.hold(system) : undefined
        const order: Order = { do: 'flow', depth: 10_000, seconds: holdSeconds }
        const sample = await metered(stage, system, [side], 1, async () => (await side.tell(order)).perSecond!)
        await release?.()
        // Of how many jobs, nobody has counted.
        return { value: sample.value, others: sample.others }
      }),
  })
  const growth: Scenario = {
    name: `hot table over ${jobs.toLocaleString('en-US')} jobs, second half against first`,
    unit: 'x',
    systems: [OURS],
    measure: (stage, system) =>
      withSide(stage, system, async (side) => {
        const sizes: number[] = []
        const sample = await metered(stage, system, [side], jobs, async () => {
          let running = true
          const flowing = side.tell({ do: 'flow', depth: 10_000, count: jobs }).finally(() => (running = false))
          while (running) {
            sizes.push(await stage.sizeOf(system, 'tenfold.job'))
            await Promise.race([flowing, new Promise((resolve) => setTimeout(resolve, 250))])
          }
          await flowing
          const half = sizes.length >> 1
          return Math.max(...sizes.slice(half)) / Math.max(...sizes.slice(0, half))
        })
        log(
          `hot table with its indexes, MB: ${sizes
            .filter((_, i) => i % Math.ceil(sizes.length / 20) === 0)
            .map((bytes) => Math.round(bytes / 1e6))
            .join(' ')}`,
        )
        return sample
      }),
  }
  return [flow('run at constant depth', false), flow('run at constant depth, an old snapshot held', true), growth]
}

/** Throughput of ours against how much waits: it must not fall. */
function curve(largest: number): Scenario[] {
  return [1e3, 1e4, 1e5, 1e6, 1e7]
    .filter((backlog) => backlog <= largest)
    .map((backlog) => ({
      name: `run with ${backlog.toLocaleString('en-US')} waiting`,
      unit: 'jobs/s',
      systems: [OURS],
      async measure(stage, system) {
        const side = await stage.open(system)
        await side.tell({ do: 'clear' })
        await side.tell({ do: 'bulk', count: 5000, size: 1000 })
        await side.tell({ do: 'drain', count: 5000, concurrency: 10 }) // the compiler has done its work
        await side.tell({ do: 'fill', count: backlog })
        const part = Math.min(backlog, 100_000)
        const sample = await metered(stage, system, [side], part, () => partOf(side, part))
        // To delete millions takes longer than to measure: whoever comes next does it, if anybody does.
        await side.stop()
        return sample
      },
    }))
}

/** Runs so many of what waits, and no more. */
async function partOf(side: Side, count: number): Promise<number> {
  const began = performance.now()
  await side.tell({ do: 'work', concurrency: 10 })
  let done = 0
  while (done < count) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    done = (await side.tell({ do: 'ran' })).ran!
  }
  const rate = (done / (performance.now() - began)) * 1000
  await side.tell({ do: 'stop-work' })
  return rate
}

function rate(
  name: string,
  systems: readonly string[],
  order: Extract<Order, { do: 'sequential' | 'concurrent' | 'bulk' }>,
): Scenario {
  return {
    name,
    unit: 'jobs/s',
    systems,
    measure: (stage, system) =>
      withSide(stage, system, async (side) => {
        await side.tell(
          order.do === 'bulk' ? { ...order, count: 5000 } : { ...order, count: order.do === 'concurrent' ? 2000 : 200 },
        )
        return metered(stage, system, [side], order.count, async () => (await side.tell(order)).perSecond!)
      }),
  }
}

function drain(name: string, systems: readonly string[], count: number, concurrency: number): Scenario {
  return {
    name,
    unit: 'jobs/s',
    systems,
    measure: (stage, system) =>
      withSide(stage, system, async (side) => {
        for (const jobs of [1000, count]) {
          await side.tell({ do: 'bulk', count: jobs, size: 1000 })
          if (jobs < count) await side.tell({ do: 'drain', count: jobs, concurrency }) // the compiler has done its work
        }
        const order: Order = { do: 'drain', count, concurrency }
        return metered(stage, system, [side], count, async () => (await side.tell(order)).perSecond!)
      }),
  }
}

function crew(processes: number, count: number): Scenario {
  return {
    name: `run, ${processes} worker process${processes > 1 ? 'es' : ''}`,
    unit: 'jobs/s',
    systems: QUEUES,
    measure: (stage, system) =>
      withSide(stage, system, async (side) => {
        await side.tell({ do: 'bulk', count, size: 1000 })
        const workers = await Promise.all(Array.from({ length: processes }, () => stage.open(system)))
        const sample = await metered(stage, system, workers, count, async () => {
          const began = performance.now()
          await Promise.all(workers.map((worker) => worker.tell({ do: 'work', concurrency: 10 })))
          // To count what is left costs a server as much as jobs do: that is asked when all have run.
          while ((await ranBy(workers)) < count) await new Promise((resolve) => setTimeout(resolve, 5))
          while ((await side.tell({ do: 'left' })).left! > 0) await new Promise((resolve) => setTimeout(resolve, 5))
          return (count / (performance.now() - began)) * 1000
        })
        await Promise.all(workers.map((worker) => worker.tell({ do: 'stop-work' }).then(() => worker.stop())))
        return sample
      }),
  }
}

async function ranBy(workers: readonly Side[]): Promise<number> {
  const answers = await Promise.all(workers.map((worker) => worker.tell({ do: 'ran' })))
  return answers.reduce((sum, { ran }) => sum + ran!, 0)
}

function latency(name: string, count: number, apart: boolean): Scenario {
  return {
    name,
    unit: 'ms (p95)',
    systems: QUEUES,
    async measure(stage, system) {
      const side = await stage.open(system, { quick: true })
      const worker = apart ? await stage.open(system, { quick: true }) : side
      await side.tell({ do: 'clear' })
      await worker.tell({ do: 'work', concurrency: 10 })
      await side.tell({ do: 'trickle', count: 50, perSecond: 100 })
      const sides = apart ? [side, worker] : [side]
      const sample = await metered(stage, system, sides, count, async () => {
        await side.tell({ do: 'trickle', count, perSecond: 100 })
        let latencies: number[] = []
        while (latencies.length < count + 50) {
          await new Promise((resolve) => setTimeout(resolve, 50))
          latencies = (await worker.tell({ do: 'latencies' })).latencies!
        }
        return latencies.slice(50).sort((a, b) => a - b)[Math.floor(count * 0.95)]!
      })
      await worker.tell({ do: 'stop-work' })
      for (const one of sides) await one.stop()
      return sample
    },
  }
}

async function withSide(stage: Stage, system: string, measure: (side: Side) => Promise<Sample>): Promise<Sample> {
  const side = await stage.open(system)
  await side.tell({ do: 'clear' })
  const sample = await measure(side)
  await side.tell({ do: 'clear' })
  await side.stop()
  return sample
}

/** CPU of the system's server and processes, and what others used of the machine. */
async function metered(
  stage: Stage,
  system: string,
  sides: readonly Side[],
  jobs: number,
  measure: () => Promise<number>,
): Promise<Sample> {
  const read = () => ({
    at: performance.now(),
    database: cpuOf(stage.serverOf(system)),
    client: sides.reduce((sum, side) => sum + cpuOf(side.pid), 0),
    machine: cpuOfMachine(),
    self: process.cpuUsage(),
  })
  const before = read()
  const value = await measure()
  const after = read()
  const database = after.database - before.database
  const client = after.client - before.client
  const self = (after.self.user + after.self.system - before.self.user - before.self.system) / 1000
  const others = Math.max(0, after.machine - before.machine - database - client - self) / (after.at - before.at)
  return { value, database: (database / jobs) * 1000, client: (client / jobs) * 1000, others }
}

function rowsOf(chosen: readonly Scenario[], results: Results): Row[] {
  return chosen.flatMap(({ name, unit }) =>
    [...results.get(name)!].map(([system, samples]) => {
      const values = samples.map((one) => one.value)
      return {
        scenario: name,
        system,
        median: round1(median(values)),
        least: round1(Math.min(...values)),
        most: round1(Math.max(...values)),
        unit,
        'database ms/1,000': round1(median(samples.map((one) => one.database ?? 0))),
        'client ms/1,000': round1(median(samples.map((one) => one.client ?? 0))),
        'others, cores': Number(median(samples.map((one) => one.others)).toFixed(2)),
      }
    }),
  )
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}

function round1(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 10) / 10
}
