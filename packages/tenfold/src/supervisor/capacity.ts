import { availableParallelism, totalmem } from 'node:os'

export interface Capacity {
  /** As many as the cgroup's quota of processor time allows. */
  cores: number
  memoryBytes: number
  /** Whether that is a limit of a cgroup: whoever passes it is killed. */
  limited: boolean
}

/** What this machine, or the container around this process, gives. */
export function capacity(): Capacity {
  const total = totalmem()
  const limit = process.constrainedMemory()
  const limited = limit > 0 && limit < total
  return { cores: availableParallelism(), memoryBytes: limited ? limit : total, limited }
}

/** What a process of an app needs at least: about 120 MB to start, and room to work. */
const MEMORY_OF_ONE = 256 * 1024 * 1024

/** Web processes by themselves: one for each core, as long as each has 256 MB, and as much is left for the worker. At least 1. */
export function processesFor({ cores, memoryBytes }: Capacity): number {
  return Math.max(1, Math.min(cores, Math.floor(memoryBytes / MEMORY_OF_ONE) - 1))
}

/** Megabytes of heap for each of `processes` under a limit of memory: Node gives every process a heap as if it were alone,
 *  and the kernel kills what they take together. Three quarters, since a process is more than its heap. Undefined without
 *  a limit, or where NODE_OPTIONS says it already. */
export function heapFor(
  { memoryBytes, limited }: Capacity,
  processes: number,
  nodeOptions = process.env.NODE_OPTIONS ?? '',
): number | undefined {
  if (!limited || nodeOptions.includes('max-old-space-size') || nodeOptions.includes('max_old_space_size'))
    return undefined
  return Math.max(64, Math.floor((memoryBytes * 0.75) / processes / 1024 / 1024))
}
