import { scriptOf, type Redis } from '../../redis/index.ts'
import type { LimitStore } from '../limits.ts'

/** Decides and counts as one step, by the clock of the server. A key is a list of numbers, one for each window: the time at
 *  which it is back at its full allowance, in ms since 1970. It expires by itself at the last of them (L7).
 *
 *  KEYS[1]   the key
 *  ARGV      cost, then interval and tolerance of each window */
const TAKE = scriptOf(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local cost = tonumber(ARGV[1])
local known = {}
for text in string.gmatch(redis.call('GET', KEYS[1]) or '', '[^ ]+') do known[#known + 1] = tonumber(text) end
local allowed, after, ahead, last = 1, {}, {}, 0
for i = 1, (#ARGV - 1) / 2 do
  local interval, tolerance = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  after[i] = math.max(known[i] or 0, now) + cost * interval
  if after[i] - now > tolerance + math.min(1, interval / 2) then allowed = 0 end
end
for i = 1, #after do
  local at = allowed == 1 and after[i] or known[i] or 0
  ahead[i] = string.format('%.17g', math.max(0, at - now))
  last = math.max(last, at)
  after[i] = string.format('%.17g', after[i])
end
if allowed == 1 and cost > 0 then
  redis.call('SET', KEYS[1], table.concat(after, ' '), 'PX', math.ceil(math.max(1, last - now)))
end
return { allowed, unpack(ahead) }
`)

/** Counts in Redis: exact over any number of processes, by one clock, in one round trip. */
export function openRedisStore({ redis, prefix }: { redis: Redis; prefix: string }): LimitStore {
  const nameOf = (key: string): string => `${prefix}:limit:${key}`
  return {
    async take(key, paces, cost) {
      const windows = paces.flatMap((pace) => [pace.interval, pace.tolerance])
      const [allowed, ...ahead] = await redis.run<[number, ...string[]]>(TAKE, [nameOf(key)], [cost, ...windows])
      return { allowed: allowed === 1, ahead: ahead.map(Number) }
    },
    async reset(key) {
      await redis.command('del', nameOf(key))
    },
    close: () => Promise.resolve(),
  }
}
