import { gather } from '../../kernel/index.ts'
import { scriptOf, type Redis } from '../../redis/index.ts'
import type { LimitStore, Pace, Verdict } from '../limits.ts'

/** Decides and counts as one step, by the clock of the server. A key is a list of numbers, one for each window: the time at
 *  which it is back at its full allowance, in ms since 1970. It expires by itself at the last of them (L7).
 *
 *  KEYS   the keys
 *  ARGV   for each of them its cost, the number of its windows, then interval and tolerance of each window */
const TAKE = scriptOf(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local answers, arg = {}, 1
for k = 1, #KEYS do
  local cost, windows = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1])
  arg = arg + 2
  local known = {}
  for text in string.gmatch(redis.call('GET', KEYS[k]) or '', '[^ ]+') do known[#known + 1] = tonumber(text) end
  local allowed, after, ahead, last = 1, {}, {}, 0
  for i = 1, windows do
    local interval, tolerance = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1])
    arg = arg + 2
    after[i] = math.max(known[i] or 0, now) + cost * interval
    if after[i] - now > tolerance + math.min(1, interval / 2) then allowed = 0 end
  end
  for i = 1, windows do
    local at = allowed == 1 and after[i] or known[i] or 0
    ahead[i] = string.format('%.17g', math.max(0, at - now))
    last = math.max(last, at)
    after[i] = string.format('%.17g', after[i])
  end
  if allowed == 1 and cost > 0 then
    redis.call('SET', KEYS[k], table.concat(after, ' '), 'PX', math.ceil(math.max(1, last - now)))
  end
  answers[k] = allowed .. ' ' .. table.concat(ahead, ' ')
end
return answers
`)

interface Question {
  key: string
  paces: readonly Pace[]
  cost: number
}

/** Counts in Redis: exact over any number of processes, by one clock, in one round trip for all that ask at the same time. */
export function openRedisStore({ redis, prefix }: { redis: Redis; prefix: string }): LimitStore {
  const nameOf = (key: string): string => `${prefix}:limit:${key}`
  const take = gather<Question, Verdict>(
    async (questions) => {
      const values: number[] = []
      for (const { paces, cost } of questions) {
        values.push(cost, paces.length)
        for (const { interval, tolerance } of paces) values.push(interval, tolerance)
      }
      const names = questions.map(({ key }) => nameOf(key))
      const answers = await redis.run<string[]>(TAKE, names, values)
      return answers.map((answer) => {
        const [allowed, ...ahead] = answer.split(' ')
        return { allowed: allowed === '1', ahead: ahead.map(Number) }
      })
    },
    { lanes: LANES, most: 100 },
  )
  return {
    take: (key, paces, cost) => take({ key, paces, cost }),
    async reset(key) {
      await redis.command('del', nameOf(key))
    },
    close: () => Promise.resolve(),
  }
}

/** Round trips at the same time: what comes while they are under way is gathered into the next one. */
const LANES = 4
