import { gather } from '../../kernel/index.ts'
import type { Circuit, Redis, RedisValue } from '../../redis/index.ts'
import type { Change } from '../change.ts'
import { FAILED_MS, LEASE_MS, MARK_MS, type Ask, type Taken, type Tier } from '../shared/tier.ts'
import { MARK, PUT, RELEASE, RENEW, TAKE } from './scripts.ts'

/** Shared values in Redis or Valkey. A hit is one round trip without a script, or two if it has tags; all else is one script.
 *  What is looked for in one turn of the event loop is one command: most of what a hit costs is the command around it. */
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

  const many = (names: string[]): Promise<(Buffer | null)[]> => circuit.run((redis) => redis.bytes('mget', ...names))
  const look = gather<Ask, Value | undefined>(
    async (asks) => {
      const caches = [...new Set(asks.map(({ cache }) => cache))]
      const names = [all, ...caches.map(markOf), ...asks.map(({ cache, key }) => valueOf(cache, key))]
      const found = await many(names)
      const marks = new Map(caches.map((cache, i) => [cache, [found[0]!, found[1 + i]!]]))
      const values = asks.map((ask, i) => {
        const stored = found[1 + caches.length + i]
        const value = stored ? valueIn(stored) : undefined
        return value && serves(value, ask) && !dropped(value, marks.get(ask.cache)!) ? value : undefined
      })
      return withoutDropped(asks, values)
    },
    { lanes: Infinity, most: 100 },
  )
  /** Tags can have been dropped, each of them here or in every cache. */
  const withoutDropped = async (
    asks: readonly Ask[],
    values: (Value | undefined)[],
  ): Promise<readonly (Value | undefined)[]> => {
    const names = values.map(
      (value, i) => value?.tags.flatMap((tag) => [`${all}:${tag}`, `${markOf(asks[i]!.cache)}:${tag}`]) ?? [],
    )
    const wanted = names.flat()
    if (wanted.length === 0) return values
    const marks = await many(wanted)
    let at = 0
    return values.map((value, i) => {
      const mine = marks.slice(at, (at += names[i]!.length))
      return value && dropped(value, mine) ? undefined : value
    })
  }

  return {
    async take(ask) {
      const { cache, key, token, now, freshAfter, orStale, afterStamp } = ask
      const marks = [all, markOf(cache)]
      const value = afterStamp < Number.MAX_SAFE_INTEGER && (await look(ask))
      if (value) return value
      // The same again as one step, with a lease if there still is nothing.
      const keys = [valueOf(cache, key), leaseOf(cache, key), ...marks, stamp]
      const values = [token, now, freshAfter, orStale ? 1 : 0, afterStamp, LEASE_MS]
      const [kind, found] = await run<Buffer[]>(TAKE, keys, values, true)
      switch (kind!.toString()) {
        case 'value':
          return valueIn(found!) ?? { kind: 'alone' }
        case 'lead':
          return { kind: 'lead', stamp: Number(found) }
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

type Value = Taken & { kind: 'value' } & { tags: readonly string[] }

function valueIn(stored: Buffer): Value | undefined {
  const end = stored.indexOf(10)
  const [stamp, freshUntil, goneAt, ...tags] = stored.toString('latin1', 0, end).split(' ')
  if (end < 0 || goneAt === undefined) return undefined
  return {
    kind: 'value',
    stamp: Number(stamp),
    freshUntil: Number(freshUntil),
    goneAt: Number(goneAt),
    tags: tags[0] === '[]' ? [] : (JSON.parse(stored.toString('utf8', stored.indexOf('['), end)) as string[]),
    body: stored.subarray(end + 1),
  }
}

function serves({ stamp, freshUntil, goneAt }: Value, { now, freshAfter, orStale, afterStamp }: Ask): boolean {
  return stamp > afterStamp && (freshUntil > freshAfter || (orStale && goneAt > now))
}

function dropped({ stamp }: Value, marks: readonly (Buffer | null)[]): boolean {
  return marks.some((mark) => mark !== null && Number(mark) >= stamp)
}
