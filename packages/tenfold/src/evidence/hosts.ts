import type { Samples } from './assemble.ts'
import type { HostEvidence } from './evidence.ts'

type Machine = Samples[number]['sample']['machine']

/** Machines are numbered: their names are nobody's business. Every process sees the same machine, but only itself of the app,
 *  and only those that have looked at the server know which processes are the server's. */
export function hostsOf(processes: Samples): HostEvidence[] {
  const names = [...new Set(processes.map(({ sample }) => sample.host))]
  return names.map((host, i) => {
    const own = processes.filter(({ sample }) => sample.host === host)
    const mean = (of: (machine: Machine) => number | undefined): number => meanOver(own, of)
    const { cores, memoryBytes, pressure, diskFree, diskFreeBytes } = own.at(-1)!.sample.machine
    const app = own.reduce((sum, { sample }) => sum + sample.cpuMs, 0) / Math.max(1, spanOf(own))
    const postgres = mean((machine) => machine.postgres)
    const busy = mean((machine) => machine.busy)
    return {
      name: `host-${i + 1}`,
      cores,
      busy,
      steal: mean((machine) => machine.steal),
      iowait: mean((machine) => machine.iowait),
      throttled: mean((machine) => machine.throttled),
      app,
      postgres,
      other: Math.max(0, busy * cores - app - postgres),
      memoryBytes,
      memoryFree: mean((machine) => machine.memoryFree),
      ...(pressure && { pressure }),
      ...(diskFree !== undefined && { diskFree }),
      ...(diskFreeBytes !== undefined && { diskFreeBytes }),
      ...(own.some(({ sample }) => sample.machine.network) && {
        network: {
          receivedBytes: mean(({ network }) => network?.receivedBytes),
          sentBytes: mean(({ network }) => network?.sentBytes),
          sentAgain: mean(({ network }) => network?.sentAgain),
        },
      }),
    }
  })
}

/** Over the time of those that know it. */
function meanOver(own: Samples, of: (machine: Machine) => number | undefined): number {
  let sum = 0
  let seconds = 0
  for (const { sample } of own) {
    const value = of(sample.machine)
    if (value === undefined) continue
    sum += value * sample.seconds
    seconds += sample.seconds
  }
  return seconds === 0 ? 0 : sum / seconds
}

/** Milliseconds from the first sample to the end of the last: processes come and go, and their slots need not be the same. */
function spanOf(own: Samples): number {
  const ends = own.map(({ at, sample }) => at + sample.seconds * 1000)
  return Math.max(...ends) - Math.min(...own.map(({ at }) => at))
}
