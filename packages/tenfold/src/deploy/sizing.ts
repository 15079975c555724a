/** How much of a machine each part gets. */
import type { Facts, Size, Stage } from './deploy.ts'

/** What is left for Postgres on its machine. At stage 1 the app has the other half. */
export function databaseSize({ machine, databaseMachine }: Facts, stage: Stage): Size {
  return stage === 1 ? { memory: machine.memory / 2, cores: machine.cores } : databaseMachine
}

/** MiB for the app's service: three quarters of its machine, or of its half at stage 1; the rest is the system's. */
export function appMemory({ machine }: Facts, stage: Stage): number {
  return Math.floor((machine.memory * 1024 * 3) / 4 / (stage === 1 ? 2 : 1))
}

export interface PostgresSettings {
  /** Clients that may be connected at once. */
  maxConnections: number
  /** All in MiB. */
  sharedBuffers: number
  effectiveCacheSize: number
  workMem: number
  maintenanceWorkMem: number
  maxWalSize: number
  workers: number
  parallelWorkers: number
}

/** Settings for a server that has this size to itself, on solid-state disks.
 *
 *  `shared_buffers` is a quarter of the memory, as Postgres' documentation begins with; `effective_cache_size` is what it and
 *  the system's cache have together; `work_mem` is what is left, over connections that each may sort or hash twice at once.
 *  https://www.postgresql.org/docs/18/runtime-config-resource.html
 *  @param pooled whether PgBouncer stands in front: then few connections do all the work */
export function postgresSettings({ memory, cores }: Size, pooled: boolean): PostgresSettings {
  const mib = memory * 1024
  const maxConnections = pooled ? clamp(cores * 25, 60, 300) : clamp(Math.round(memory * 25), 60, 200)
  const sharedBuffers = Math.round(mib / 4)
  // Not all connections work at once: with a pooler about half of them, without one a third.
  const busy = maxConnections / (pooled ? 2 : 3)
  return {
    maxConnections,
    sharedBuffers,
    effectiveCacheSize: Math.round(mib * 0.7),
    workMem: clamp(Math.floor((mib * 0.4) / (busy * 2)), 4, 256),
    maintenanceWorkMem: clamp(Math.round(mib / 16), 64, 2048),
    maxWalSize: clamp(Math.round(mib / 4), 1024, 16_384),
    workers: Math.max(8, cores * 2),
    parallelWorkers: clamp(Math.floor(cores / 2), 0, 4),
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
