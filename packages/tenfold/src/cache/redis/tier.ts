import type { Circuit, Redis, RedisValue } from '../../redis/index.ts'
import type { Change } from '../change.ts'
import { FAILED_MS, LEASE_MS, MARK_MS, type Tier } from '../shared/tier.ts'
import { MARK, PUT, RELEASE, RENEW, TAKE } from './scripts.ts'

/** Shared values in Redis or Valkey: each call is one script, in one round trip. */
export function openRedisTier({ circuit, prefix }: { circuit: Circuit; prefix: string }): Tier {
  const home = `${prefix}:cache`
  const all = `${home}:mark`
  const stamp = `${home}:stamp`
  const valueOf = (cache: string, key: string): string => `${home}:value:${cache}:${key}`
  const leaseOf = (cache: string, key: string): string => `${home}:lease:${cache}:${key}`
  /** `*` means every cache. Names of caches hold no colon, so that no two marks are the same. */
  const markOf = (cache: string): string => (cache === '*' ? all : `${all}.${cache}`)
  const run = <Answer>(
    script: Parameters<Redis['run']>[0],
    keys: string[],
    values: RedisValue[],
    bytes = false,
  ): Promise<Answer> => circuit.run((redis) => redis.run<Answer>(script, keys, values, { bytes }))

  return {
    async take({ cache, key, token, now, freshAfter, orStale, afterStamp }) {
      const keys = [valueOf(cache, key), leaseOf(cache, key), all, markOf(cache), stamp]
      const values = [token, now, freshAfter, orStale ? 1 : 0, afterStamp, LEASE_MS]
      const [kind, ...found] = await run<Buffer[]>(TAKE, keys, values, true)
      switch (kind!.toString()) {
        case 'value':
          return {
            kind: 'value',
            stamp: Number(found[0]),
            freshUntil: Number(found[1]),
            goneAt: Number(found[2]),
            body: found[3]!,
          }
        case 'lead':
          return { kind: 'lead', stamp: Number(found[0]) }
        case 'alone':
          return { kind: 'alone' }
        default:
          return { kind: 'wait' }
      }
    },
    async put({ cache, key, token, stamp: since, tags, body, freshUntil, goneAt, keepMs }) {
      const keys = [valueOf(cache, key), leaseOf(cache, key), all, markOf(cache)]
      const stored = await run<number>(PUT, keys, [
        token,
        since,
        JSON.stringify(tags),
        freshUntil,
        goneAt,
        Math.max(1, Math.ceil(keepMs)),
        body,
      ])
      return stored === 1
    },
    renew: async ({ cache, key, token }) => (await run<number>(RENEW, [leaseOf(cache, key)], [token, LEASE_MS])) === 1,
    async release({ cache, key, token }, failed) {
      await run(RELEASE, [leaseOf(cache, key)], [token, failed ? FAILED_MS : 0])
    },
    async drop({ cache, key, tag }: Change) {
      if (key !== undefined)
        await circuit.run((redis) => redis.command('del', valueOf(cache, key), leaseOf(cache, key)))
      else await run(MARK, [stamp, tag === undefined ? markOf(cache) : `${markOf(cache)}:${tag}`], [MARK_MS])
    },
    onReturn: (listener) => circuit.onReturn(listener),
    close: () => circuit.close(),
  }
}
