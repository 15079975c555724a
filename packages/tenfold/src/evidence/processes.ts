import type { ProcessEvidence } from './evidence.ts'
import type { Samples } from './assemble.ts'

const LEAST_COLLECTIONS = 4

export function processesOf(processes: Samples): ProcessEvidence[] {
  const hosts = [...new Set(processes.map(({ sample }) => sample.host))]
  const sources = [...new Set(processes.map(({ source }) => source))]
  return sources.map((source) => {
    const own = processes.filter((one) => one.source === source)
    const last = own.at(-1)!.sample
    const seconds = own.reduce((sum, { sample }) => sum + sample.seconds, 0)
    const mean = (of: (sample: Samples[number]['sample']) => number): number =>
      own.reduce((sum, { sample }) => sum + of(sample) * sample.seconds, 0) / Math.max(0.001, seconds)
    const growth = growthOf(own, 'heapAfterGc')
    const external = growthOf(own, 'externalAfterGc')
    return {
      roles: [...last.roles],
      host: `host-${hosts.indexOf(last.host) + 1}`,
      startedAt: last.startedAt,
      release: last.release,
      loop: mean(({ loop }) => loop.utilization),
      stalled: own.reduce((sum, { sample }) => sum + sample.loop.stalledMs, 0) / 1000 / Math.max(0.001, seconds),
      longestStall: Math.max(...own.map(({ sample }) => sample.loop.longestMs)),
      gc: own.reduce((sum, { sample }) => sum + sample.gcMs, 0) / 1000 / Math.max(0.001, seconds),
      cpu: own.reduce((sum, { sample }) => sum + sample.cpuMs, 0) / 1000 / Math.max(0.001, seconds),
      rssBytes: last.rssBytes,
      heapBytes: last.heapBytes,
      heapLimit: last.heapLimit,
      ...(growth !== undefined && { heapGrowth: growth }),
      ...(last.externalBytes !== undefined && { externalBytes: last.externalBytes }),
      ...(external !== undefined && { externalGrowth: external }),
      pool: {
        max: last.pool.max,
        used: mean(({ pool }) => pool.used),
        waiting: mean(({ pool }) => pool.waiting),
        opened: own.reduce((sum, { sample }) => sum + sample.pool.opened, 0),
      },
      requests: own.reduce((sum, { sample }) => sum + sample.work.requests.reduce((n, { count }) => n + count, 0), 0),
    }
  })
}

/** Bytes in a second by which it grew, after full collections: the median slope over all pairs (Theil and Sen). */
function growthOf(own: Samples, what: 'heapAfterGc' | 'externalAfterGc'): number | undefined {
  const points = own.flatMap(({ at, sample }) => (sample[what] === undefined ? [] : [[at, sample[what]]]))
  if (points.length < LEAST_COLLECTIONS) return undefined
  const slopes = points.flatMap(([at, bytes], i) =>
    points.slice(i + 1).map(([later, more]) => ((more! - bytes!) / (later! - at!)) * 1000),
  )
  return slopes.sort((a, b) => a - b)[Math.floor(slopes.length / 2)]
}
