/** Which job runs on which engine. Without REDIS_URL all of them run on Postgres, which keeps every promise. */
import { closest } from 'fastest-levenshtein'
import { jobNameOf } from '../cron/index.ts'
import { PeerMissing } from '../kernel/index.ts'
import { nameOf, type Module } from '../modules/index.ts'
import { openEngines, openQueue, REDIS_CANNOT, type Engine, type EnginesOptions } from '../queue/index.ts'
import type { Config } from './define.ts'

type QueueConfig = Config['queue']

/** By the name that the queue stores. The configuration decides before the definition, a name before the default. */
export function engineOf(modules: readonly Module[], queue: QueueConfig): (name: string) => Engine {
  const engines = new Map(runnables(modules).map((one) => [one.stored, queue?.jobs?.[one.name] ?? one.engine]))
  return (name) => engines.get(name) ?? queue?.default ?? 'postgres'
}

/** The queue of an app with Redis. Redis may be there for caches, limits and sessions alone: then jobs need no BullMQ, and it is
 *  used only where it is installed, for what lies on Redis from a time when jobs ran there.
 *  @param needed Whether jobs run on Redis, so that a missing BullMQ is an error: TF_PEER_MISSING. */
export async function openQueueWithRedis(options: EnginesOptions, needed: boolean): ReturnType<typeof openEngines> {
  try {
    return await openEngines(options)
  } catch (error) {
    if (needed || !PeerMissing.is(error)) throw error
    return openQueue(options)
  }
}

/** What is wrong with the choice of engines. */
export function engineProblems(modules: readonly Module[], queue: QueueConfig): string[] {
  const known = runnables(modules)
  const names = known.map((one) => one.name)
  const unknown = Object.keys(queue?.jobs ?? {}).filter((name) => !names.includes(name))
  const chosen = engineOf(modules, queue)
  return [
    ...unknown.map((name) => {
      const hint = names.length > 0 ? `; did you mean '${closest(name, names)}'?` : ''
      return `queue.jobs of tenfold.config.ts names '${name}', which is no job, cron or subscription${hint}`
    }),
    ...known
      .filter((one) => chosen(one.stored) === 'redis')
      .flatMap((one) => one.needs.map(([option, promise]) => [one.name, option, REDIS_CANNOT[promise]] as const))
      .map(([name, option, reason]) => `'${name}' has \`${option}\` and may not run on redis: ${reason}`),
  ]
}

/** Names of the jobs that run on Redis where there is one. */
export function jobsOnRedis(modules: readonly Module[], queue: QueueConfig): string[] {
  const chosen = engineOf(modules, queue)
  return runnables(modules)
    .filter((one) => chosen(one.stored) === 'redis')
    .map((one) => one.name)
}

/** Of all that runs as a job, as the queue has them. */
export function jobNames(modules: readonly Module[]): string[] {
  return runnables(modules).map(({ stored }) => stored)
}

interface Runnable {
  /** As people write it. */
  name: string
  stored: string
  engine: Engine | undefined
  /** Options of it that Redis cannot keep, with the promise that is behind them. */
  needs: [string, keyof typeof REDIS_CANNOT][]
}

const NEEDS = {
  concurrency: 'Q10',
  tenant: 'Q23',
  rate: 'Q24',
  ordered: 'Q34',
} as const

function runnables(modules: readonly Module[]): Runnable[] {
  return modules
    .flatMap((module) => module.parts)
    .flatMap((part): Runnable[] => {
      if (part.kind !== 'job' && part.kind !== 'subscription' && part.kind !== 'cron') return []
      const options = part.options as { engine?: Engine } & { [Option in keyof typeof NEEDS]?: unknown }
      const needs = Object.entries(NEEDS).filter(([option]) => options[option as keyof typeof NEEDS])
      const name = nameOf(part)
      return [{ name, stored: part.kind === 'cron' ? jobNameOf(name) : name, engine: options.engine, needs }]
    })
}
