import { createDeadline, NEARBY, type Clock } from '../kernel/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { RedisAway } from './errors.ts'
import type { Redis } from './redis.ts'

/** Redis for those who can do without it, and must not be delayed by it.
 *
 *    closed --[not connected, or `after` commands in a row without an answer in `timeoutMs`]--> open
 *    open   --[a ping is answered in `timeoutMs`]--> closed
 *
 *  While it is open nothing is sent but pings, one at a time and by nobody who waits: a server that comes back is met by
 *  one command, not by all that would have liked to ask. */
export interface Circuit {
  /** Whether commands are sent now. */
  readonly closed: boolean
  /** Ends within about `timeoutMs`; fails with TF_REDIS_AWAY, at once while the circuit is open. */
  run<Answer>(send: (redis: Redis) => Promise<Answer>): Promise<Answer>
  /** Called each time that it closes again. */
  onReturn(listener: () => void): void
  close(): Promise<void>
}

export interface CircuitOptions {
  redis: Redis
  clock: Clock
  log: Logger
  /** What is behind it, for the log: `the cache`. */
  what: string
  /** How long a command may take, in ms. Defaults to what answers usually take and four times their spread, but at least 20 and
   *  at most 100. */
  timeoutMs?: number
  /** Commands in a row without an answer that open it. Defaults to 3. */
  after?: number
}

const PROBE_MIN_MS = 50
const PROBE_MAX_MS = 1000

export function createCircuit({ redis, clock, log, what, timeoutMs, after = 3 }: CircuitOptions): Circuit {
  const closing = new AbortController()
  const listeners: (() => void)[] = []
  let failures = 0
  let probing: Promise<void> | undefined

  const away = (reason: string): Error => RedisAway({ where: redis.where, reason })

  const deadline = createDeadline(timeoutMs ?? NEARBY, (ms) => away(`no answer within ${Math.round(ms)} ms`))
  const inTime = deadline.within

  const probe = async (): Promise<void> => {
    log.warn(`Redis is not used for ${what} until it answers again.`, { redis: redis.where })
    for (let pause = PROBE_MIN_MS; ; pause = Math.min(pause * 2, PROBE_MAX_MS)) {
      await clock.sleep(pause, closing.signal)
      if (closing.signal.aborted) return
      const answered =
        redis.ready() &&
        (await inTime(redis.ping()).then(
          () => true,
          () => false,
        ))
      if (answered) break
    }
    log.info(`Redis is used again for ${what}.`, { redis: redis.where })
    failures = 0
    probing = undefined
    for (const listener of listeners) listener()
  }

  return {
    get closed() {
      return probing === undefined
    },
    async run(send) {
      if (probing) throw away('it did not answer lately')
      if (!redis.ready()) {
        probing = probe()
        throw away('not connected')
      }
      try {
        const answer = await inTime(send(redis))
        failures = 0
        return answer
      } catch (error) {
        if (RedisAway.is(error) && ++failures >= after && !closing.signal.aborted) probing ??= probe()
        throw error
      }
    },
    onReturn: (listener) => void listeners.push(listener),
    async close() {
      closing.abort()
      await probing
      deadline.close()
    },
  }
}
