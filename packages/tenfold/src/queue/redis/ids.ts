/** Ids of jobs that are enqueued in Redis without passing through Postgres: microseconds since 1970, by the clock of
 *  Redis, and never one twice: whoever comes too early gets the next free one. A plain counter would not do: after a crash
 *  that cost Redis its last second it would give ids away again, and people use ids as idempotency keys. Ids of Postgres
 *  are far smaller, so an id tells where it comes from. */
import type { Redis } from '../../redis/index.ts'

const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local first = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0') + 1)
redis.call('SET', KEYS[1], string.format('%.0f', first + ARGV[1] - 1))
return string.format('%.0f', first)`

/** Ids are fetched ahead, for calls that follow closely. */
const AHEAD = 100
const AHEAD_MS = 50

export interface Ids {
  take(count: number): Promise<string[]>
}

export function createIds(redis: Redis, key: string): Ids {
  let next = 0
  let end = 0
  let until = 0
  let fetching: Promise<void> | undefined

  const fetch = async (count: number): Promise<void> => {
    next = Number(await redis.command<string>('eval', TAKE, 1, key, count + AHEAD))
    end = next + count + AHEAD
    until = performance.now() + AHEAD_MS
  }

  return {
    async take(count) {
      if (performance.now() > until) await (fetching ??= fetch(count).finally(() => (fetching = undefined)))
      while (end - next < count) await fetch(count)
      const first = next
      next += count
      return Array.from({ length: count }, (_, i) => String(first + i))
    },
  }
}
