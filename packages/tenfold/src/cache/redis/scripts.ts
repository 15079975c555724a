import { scriptOf } from '../../redis/index.ts'

/** A value is a line with its stamp, until when it is fresh, when it is gone, and its tags in JSON; then its body. A lease is
 *  the token of who leads, or `!` for a while after a load that failed. A mark is the stamp at which a tag, a cache or
 *  everything was dropped. A hit needs no script: see the tier. */

/** Microseconds since 1970, made to grow: also after the server has lost what it knew. */
const STAMP = `
local function stamp(key)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local last = tonumber(redis.call('GET', key) or '0')
  if now <= last then now = last + 1 end
  local text = string.format('%.0f', now)
  redis.call('SET', key, text)
  return text
end`

/** Whether something was dropped since `since` that concerns a value with these tags. */
const DROPPED = `
local function dropped(since, all, mine, tags)
  local names = { all, mine }
  if tags ~= '[]' then
    for _, tag in ipairs(cjson.decode(tags)) do
      names[#names + 1] = all .. ':' .. tag
      names[#names + 1] = mine .. ':' .. tag
    end
  end
  for _, mark in ipairs(redis.call('MGET', unpack(names))) do
    if mark and tonumber(mark) >= since then return true end
  end
  return false
end`

/** KEYS  value, lease, mark of all, mark of the cache, stamp
 *  ARGV  token, now, fresh after, or stale, after stamp, lease in ms */
export const TAKE = scriptOf(`${STAMP}${DROPPED}
local value = redis.call('GET', KEYS[1])
if value then
  local since, fresh, gone, tags = string.match(value, '^(%S+) (%S+) (%S+) ([^\\n]*)\\n')
  if since and tonumber(since) > tonumber(ARGV[5]) then
    local serves = tonumber(fresh) > tonumber(ARGV[3]) or (ARGV[4] == '1' and tonumber(gone) > tonumber(ARGV[2]))
    if serves and not dropped(tonumber(since), KEYS[3], KEYS[4], tags) then return { 'value', value } end
  end
end
local lease = redis.call('GET', KEYS[2])
if lease == '!' then return { 'alone' } end
if lease and lease ~= ARGV[1] then return { 'wait' } end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[6])
return { 'lead', stamp(KEYS[5]) }`)

/** KEYS  value, lease, mark of all, mark of the cache
 *  ARGV  token, stamp, tags, fresh until, gone at, keep for ms, body */
export const PUT = scriptOf(`${DROPPED}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if dropped(tonumber(ARGV[2]), KEYS[3], KEYS[4], ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], table.concat({ ARGV[2], ARGV[4], ARGV[5], ARGV[3] }, ' ') .. '\\n' .. ARGV[7], 'PX', ARGV[6])
return 1`)

/** KEYS  lease
 *  ARGV  token, lease in ms */
export const RENEW = scriptOf(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

/** KEYS  lease
 *  ARGV  token, how long its failure is remembered in ms */
export const RELEASE = scriptOf(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], '!', 'PX', ARGV[2])
return 1`)

/** KEYS  stamp, mark
 *  ARGV  how long the mark is kept in ms */
export const MARK = scriptOf(`${STAMP}
redis.call('SET', KEYS[2], stamp(KEYS[1]), 'PX', ARGV[1])
return 1`)
