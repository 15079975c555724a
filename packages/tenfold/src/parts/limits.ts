/** `tenfold/limits`: how often somebody may do something, counted over all instances, in any framework. */
import {
  headersOf,
  migrations,
  openLimits as openEngine,
  policyOf,
  type Decision,
  type LimiterOptions as EngineOptions,
  type Limiter as EngineLimiter,
} from '../limits/index.ts'
import { PartWithoutDatabase } from './errors.ts'
import { groundIfAny, type Common, type OnPostgres } from './ground.ts'
import { addHeader, type AnyReply } from './reply.ts'
import { withRedis } from './redis.ts'

export { networkOf } from '../limits/index.ts'
export type { Decision, LimitWindow } from '../limits/index.ts'
export type { AnyReply } from './reply.ts'

/** Counts in Postgres (`url` or `database`) or in Redis (`redisUrl`), for all instances together; with neither this process
 *  counts alone. */
export type LimitsOptions =
  | (OnPostgres & { redisUrl?: never })
  | (Common & { redisUrl: string; url?: never; database?: never })
  | (Common & { redisUrl?: never; url?: never; database?: never })

export interface LimiterOptions extends EngineOptions {
  /** What clients are told that it counts by, in the headers: a word. Defaults to `default`. */
  by?: string
}

export interface Limiter extends EngineLimiter {
  /** Counts one request of `key`, and tells the client what is left: `RateLimit`, `RateLimit-Policy`, `Retry-After`. False when
   *  it is refused: answer with status 429.
   *  @example
   *  if (!(await orders.admit(networkOf(request.ip), response))) return response.sendStatus(429) */
  admit(key: string, reply: AnyReply, cost?: number): Promise<boolean>
  /** The headers of a decision, for whoever sets them in a way of their own. */
  headersOf(decision: Decision): Record<string, string>
}

export interface Limits extends AsyncDisposable {
  /** @example
   *  const orders = limits.define({ name: 'orders', by: 'ip', windows: [{ max: 20, per: '1m' }, { max: 200, per: '1d' }] }) */
  define(options: LimiterOptions): Limiter
  close(): Promise<void>
}

/** @example
 *  const limits = await openLimits({ url: process.env.DATABASE_URL!, migrate: true })
 *  const signIns = limits.define({ name: 'sign-in', windows: [{ max: 5, per: '1m' }], whenAway: 'closed' }) */
export async function openLimits(options: LimitsOptions = {}): Promise<Limits> {
  // Counting alone has to be meant: a missing variable would multiply every limit by the number of instances.
  if ('redisUrl' in options && options.redisUrl === undefined && !('url' in options || 'database' in options))
    throw PartWithoutDatabase({ part: 'limits', given: '`redisUrl` is undefined' })
  const ground = await groundIfAny('limits', migrations, options)
  const { telemetry, clock } = ground
  const redis = await withRedis(options.redisUrl, ground)
  const engine = openEngine({
    telemetry,
    clock,
    ...(ground.db && { db: ground.db }),
    ...(redis && { redis: redis.shared }),
  })
  const close = async (): Promise<void> => {
    await engine.close()
    await redis?.close()
    await ground.close()
  }
  return {
    define: ({ by = 'default', ...limiter }) => told(engine.define(limiter), by),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function told(limiter: EngineLimiter, by: string): Limiter {
  const policy = policyOf(by, limiter.windows)
  return {
    ...limiter,
    headersOf: (decision) => Object.fromEntries(headersOf(policy, decision)),
    async admit(key, reply, cost) {
      const decision = await limiter.take(key, cost)
      for (const [name, value] of headersOf(policy, decision)) addHeader(reply, name, value)
      return decision.allowed
    },
  }
}
