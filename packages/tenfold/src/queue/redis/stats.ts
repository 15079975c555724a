/** Counts of what ran, per minute and name: the summary reads these, since few finished jobs are kept. */
import type { Redis } from '../../redis/index.ts'
import type { JobCount } from '../postgres/watch.ts'
import { keysOf } from './names.ts'

const HOUR = 60
const KEEP_SECONDS = 2 * 60 * 60

export async function writeCounts(redis: Redis, prefix: string, counts: readonly JobCount[]): Promise<void> {
  if (counts.length === 0) return
  const key = keysOf(prefix).stat(thisMinute())
  await redis.batch([
    ...counts.flatMap(({ name, done, failed, ms }): [string, string, string, number][] => [
      ['hincrby', key, `done ${name}`, done],
      ['hincrby', key, `failed ${name}`, failed],
      ['hincrbyfloat', key, `ms ${name}`, ms],
    ]),
    ['expire', key, KEEP_SECONDS],
  ])
}

/** Of the last hour, by name. */
export async function readCounts(redis: Redis, prefix: string): Promise<Map<string, JobCount>> {
  const now = thisMinute()
  const hashes = await redis.batch(
    Array.from({ length: HOUR }, (_, i) => ['hgetall', keysOf(prefix).stat(now - i)] as const),
  )
  const counts = new Map<string, JobCount>()
  for (const [field, value] of (hashes as Record<string, string>[]).flatMap((fields) => Object.entries(fields))) {
    const [, kind, name] = /^(\w+) (.*)$/.exec(field)!
    const count = counts.get(name!) ?? { name: name!, done: 0, failed: 0, ms: 0 }
    count[kind as 'done' | 'failed' | 'ms'] += Number(value)
    counts.set(name!, count)
  }
  return counts
}

function thisMinute(): number {
  return Math.floor(Date.now() / 60_000)
}
