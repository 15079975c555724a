/** The steps of a job on Redis: a hash beside the job. The fence is BullMQ's lock: who no longer holds it writes nothing. */
import { scriptOf, type Redis } from '../../redis/index.ts'
import { JobLeaseLost } from '../errors.ts'
import type { WantedEvent } from '../queue.ts'
import type { Sealer } from '../secret.ts'
import type { Entry, Journal } from '../steps.ts'
import { keysOf } from './names.ts'

/** What is stored for a step: its result, or until when it waits and for what. */
export interface StoredStep {
  result?: unknown
  /** When it was finished, in ms since 1970. */
  at?: number
  /** In ms since 1970, by the clock of Redis. */
  until?: number
  wanted?: Pick<WantedEvent, 'event' | 'match'>
}

/** A job that sleeps for longer than this has forgotten its steps. */
const KEEP_MS = 400 * 86_400_000

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/** KEYS lock, steps. ARGV token, step, its JSON, how long it waits ('' for a result), how long steps are kept. A wait that is
 *  there stays; a result stays in any case. */
const WRITE = scriptOf(`${NOW}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local there = redis.call('HGET', KEYS[2], ARGV[2])
if not there then
  there = ARGV[3]
  if ARGV[4] ~= '' then
    there = string.gsub(ARGV[3], '"until":0', function() return '"until":' .. string.format('%.0f', now + ARGV[4]) end, 1)
  end
  redis.call('HSET', KEYS[2], ARGV[2], there)
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return {there, string.format('%.0f', now)}`)

/** KEYS steps. ARGV step, its JSON: ends a wait, whoever does it. */
export const END_WAIT = scriptOf(`
local there = redis.call('HGET', KEYS[1], ARGV[1])
if not there or not string.find(there, '"until":', 1, true) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`)

export interface JournalOptions {
  redis: Redis
  prefix: string
  job: { id: string; name: string; sealed: boolean }
  token: string | undefined
  sealer: Sealer
  /** Looks at once for an event that has been relayed already. */
  findEvent(): Promise<void>
}

export function createRedisJournal({ redis, prefix, job, token, sealer, findEvent }: JournalOptions): Journal {
  const keys = keysOf(prefix)
  const steps = keys.steps(job.name, job.id)

  const entryOf = ({ result = null, until }: StoredStep, now: number): Entry => ({
    result: job.sealed ? sealer.open(job.name, result) : result,
    ...(until !== undefined && { leftMs: until - now }),
  })
  const write = async (step: string, stored: string, ms: number | '' = ''): Promise<Entry> => {
    const written = await redis.run<[string, string] | null>(
      WRITE,
      [keys.lock(job.name, job.id), steps],
      [token ?? '', step, stored, ms, KEEP_MS],
    )
    if (!written) throw JobLeaseLost({ name: job.name })
    return entryOf(JSON.parse(written[0]) as StoredStep, Number(written[1]))
  }
  const load = async (): Promise<Map<string, Entry>> => {
    const [all, [seconds, micros]] = (await redis.batch([['hgetall', steps], ['time']])) as [
      Record<string, string>,
      [string, string],
    ]
    const now = Number(seconds) * 1000 + Number(micros) / 1000
    return new Map(Object.entries(all).map(([step, stored]) => [step, entryOf(JSON.parse(stored) as StoredStep, now)]))
  }
  const waiting = (ms: number): number => Math.ceil(Math.max(0, ms))

  return {
    load,
    finish: async (step, json) =>
      void (await write(step, `{"at":${Date.now()},"result":${job.sealed ? sealer.seal(job.name, json) : json}}`)),
    sleep: (step, ms) => write(step, '{"until":0}', waiting(ms)),
    async wait(step, { event, match = {}, timeoutMs }) {
      await write(step, `{"until":0,"wanted":${JSON.stringify({ event, match })}}`, waiting(timeoutMs))
      await findEvent()
      return (await load()).get(step)!
    },
    async timeOut(step) {
      await redis.run(END_WAIT, [steps], [step, '{}'])
      return (await load()).get(step)!
    },
  }
}
