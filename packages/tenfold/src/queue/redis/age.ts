/** Lifts what has waited for long before what is more urgent. BullMQ keeps the waiting jobs of a name in one sorted set, a band
 *  of scores for each priority, and within a band in the order of arrival: the first of a band is its oldest. */
import { scriptOf, type Redis } from '../../redis/index.ts'
import { keysOf } from './names.ts'

/** KEYS prioritized. ARGV start of a job's key, now, ready since then or earlier, how many at most.
 *
 *  When a job became ready that has run before is not written anywhere: it counts from when it was first seen at the head of
 *  its band. Lifted are the oldest first, to the front of the most urgent band that has any: before its first 1, which BullMQ leaves
 *  free, in steps that are not lost in a double of this size. The `priority` of the job stays: an attempt after this one waits in its
 *  own band again.
 *
 *  While jobs that were lifted wait, that many fewer are: where jobs take longer than the pause between two passes, they would pile up
 *  before what is urgent. */
const LIFT = scriptOf(`
local width = 0x100000000
local function headOf(from)
  local head = redis.call('ZRANGEBYSCORE', KEYS[1], from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if not head[1] then return nil end
  local job = ARGV[1] .. head[1]
  local known = redis.call('HMGET', job, 'timestamp', 'opts', 'processedOn', 'tenfoldSeen')
  local ready = math.huge
  if known[3] then
    if not known[4] or tonumber(known[4]) < tonumber(known[3]) then
      known[4] = ARGV[2]
      redis.call('HSET', job, 'tenfoldSeen', ARGV[2])
    end
    ready = tonumber(known[4])
  elseif known[1] then
    local delay = cjson.decode(known[2] or '{}').delay
    ready = tonumber(known[1]) + (tonumber(delay) or 0)
  end
  return { id = head[1], band = math.floor(tonumber(head[2]) / width), ready = ready }
end
local first = headOf(0)
if not first then return 0 end
local heads = {}
local from = (first.band + 1) * width
for step = 1, 100 do
  local head = headOf(from)
  if not head then break end
  heads[#heads + 1] = head
  from = (head.band + 1) * width
end
local base = first.band * width
local lifted = redis.call('ZRANGEBYSCORE', KEYS[1], base, '(' .. string.format('%.0f', base + 1))
local before = #lifted
while #lifted < tonumber(ARGV[4]) do
  local oldest
  for i, head in ipairs(heads) do
    if head.ready <= tonumber(ARGV[3]) and (not oldest or head.ready < heads[oldest].ready) then oldest = i end
  end
  if not oldest then break end
  local head = heads[oldest]
  lifted[#lifted + 1] = head.id
  redis.call('ZADD', KEYS[1], 'XX', base, head.id)
  local next = headOf(head.band * width)
  if next and next.band == head.band then heads[oldest] = next else table.remove(heads, oldest) end
end
if #lifted > before then
  for i, id in ipairs(lifted) do redis.call('ZADD', KEYS[1], 'XX', base + math.min(i - 1, 1023) / 1024, id) end
end
return #lifted - before`)

/** @param most of each name, those included that were lifted before and wait: so that what is urgent is not starved in turn */
export async function liftStarved(
  redis: Redis,
  prefix: string,
  names: readonly string[],
  { starvedMs, most }: { starvedMs: number; most: number },
): Promise<void> {
  const { prioritized, job } = keysOf(prefix)
  const now = Date.now()
  for (const name of names) {
    const start = job(name, '')
    await redis.run(LIFT, [prioritized(name)], [start.slice(0, -1), now, now - starvedMs, most])
  }
}
