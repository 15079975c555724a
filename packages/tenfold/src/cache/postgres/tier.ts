import type { SystemDatabase } from '../../database/index.ts'
import { gather, messageOf } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Change } from '../change.ts'
import { FAILED_MS, LEASE_MS, MARK_MS, type Ask, type NewValue, type Taken, type Tier } from '../shared/tier.ts'

export interface PostgresTierOptions {
  db: SystemDatabase
  clock: Clock
  log: Logger
  /** How often values that are gone are removed, in ms. Defaults to 60,000. */
  pruneEvery?: number
}

interface Row {
  kind: Taken['kind']
  stamp: string
  fresh_until: number
  gone_at: number
  body: Buffer
}

const PRUNE_BATCH = 1000

/** Shared values in a table of the app's own database: what is dear to load is loaded once for all instances without any
 *  further server. What is asked for at the same time is one statement; rows are locked in one order, so that two such
 *  statements cannot wait for each other. */
export function openPostgresTier({ db, clock, log, pruneEvery = 60_000 }: PostgresTierOptions): Tier {
  const drops = new Set<Promise<unknown>>()

  const take = gather<Ask, Taken>(async (asks) => {
    // What this instance has dropped before, it must not find any more: statements may overtake each other.
    await Promise.allSettled(drops)
    const order = orderOf(asks)
    const column = (name: keyof Ask): unknown[] => order.map((i) => asks[i]![name])
    const { rows } = await db.query<Row>(
      `select t.kind, t.stamp, t.fresh_until, t.gone_at, t.body
       from unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::boolean[], $7::bigint[])
         with ordinality as a (cache, key, token, now, fresh_after, or_stale, after_stamp, n),
         tenfold.cache_take(a.cache, a.key, a.token, a.now, a.fresh_after, a.or_stale, a.after_stamp, $8) as t
       order by a.n`,
      [...(['cache', 'key', 'token', 'now', 'freshAfter', 'orStale', 'afterStamp'] as const).map(column), LEASE_MS],
    )
    const taken: Taken[] = []
    order.forEach((i, n) => (taken[i] = takenOf(rows[n]!)))
    return taken
  })

  const put = gather<NewValue, boolean>(async (values) => {
    const column = (name: keyof NewValue): unknown[] => values.map((value) => value[name])
    // An array of arrays of different lengths is none in Postgres: the tags travel as JSON.
    const tags = values.map((value) => JSON.stringify(value.tags))
    const { rows } = await db.query<{ stored: boolean; token: string }>(
      `with new as (
         select n.*, array(select jsonb_array_elements_text(n.json)) as tags
         from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::jsonb[], $6::bytea[], $7::float8[], $8::float8[])
           as n (cache, key, token, stamp, json, body, fresh_until, gone_at)
       ), mine as (
         select v.cache, v.key from tenfold.cache_value v join new n on v.cache = n.cache and v.key = n.key
         where v.lease = n.token order by v.cache, v.key for update of v
       )
       update tenfold.cache_value v
       set stamp = n.stamp, tags = n.tags, fresh_until = n.fresh_until, gone_at = n.gone_at, lease = null, lease_until = null,
         body = case when not tenfold.cache_dropped(n.cache, n.tags, n.stamp) then n.body end
       from new n join mine m on m.cache = n.cache and m.key = n.key
       where v.cache = n.cache and v.key = n.key and v.lease = n.token
       returning v.body is not null as stored, n.token`,
      [
        ...(['cache', 'key', 'token', 'stamp'] as const).map(column),
        tags,
        ...(['body', 'freshUntil', 'goneAt'] as const).map(column),
      ],
    )
    const stored = new Set(rows.filter((row) => row.stored).map((row) => row.token))
    return values.map(({ token }) => stored.has(token))
  })

  const drop = gather<Change, void>(async (changes) => {
    const keys = changes.filter((change) => change.key !== undefined)
    const marks = new Map(
      changes
        .filter((change) => change.key === undefined)
        .map(({ cache, tag = '' }) => [JSON.stringify([cache, tag]), [cache, tag] as const]),
    )
    if (keys.length > 0) {
      await db.query(
        `with gone as (
           select v.cache, v.key from tenfold.cache_value v
           where (v.cache, v.key) in (select * from unnest($1::text[], $2::text[])) order by v.cache, v.key for update
         )
         delete from tenfold.cache_value v using gone g where v.cache = g.cache and v.key = g.key`,
        [keys.map(({ cache }) => cache), keys.map(({ key }) => key)],
      )
    }
    if (marks.size > 0) {
      const sorted = [...marks].sort(([a], [b]) => compare(a, b)).map(([, mark]) => mark)
      await db.query(
        `insert into tenfold.cache_mark (cache, tag, stamp)
         select m.cache, m.tag, nextval('tenfold.cache_stamp') from unnest($1::text[], $2::text[]) as m (cache, tag)
         on conflict (cache, tag) do update set stamp = excluded.stamp, at = now()`,
        [sorted.map(([cache]) => cache), sorted.map(([, tag]) => tag)],
      )
    }
    return []
  })

  const pruning = keepPruning(db, clock, log, pruneEvery)
  return {
    take,
    put,
    async renew({ cache, key, token }) {
      const { rowCount } = await db.query(
        `update tenfold.cache_value set lease_until = clock_timestamp() + $4 * interval '1 ms'
         where cache = $1 and key = $2 and lease = $3`,
        [cache, key, token, LEASE_MS],
      )
      return rowCount === 1
    },
    async release({ cache, key, token }, failed) {
      await db.query(
        `update tenfold.cache_value set lease = case when $4 > 0 then '!' end,
           lease_until = case when $4 > 0 then clock_timestamp() + $4 * interval '1 ms' end
         where cache = $1 and key = $2 and lease = $3`,
        [cache, key, token, failed ? FAILED_MS : 0],
      )
    },
    async drop(change) {
      const dropping = drop(change)
      drops.add(dropping)
      await dropping.finally(() => drops.delete(dropping))
    },
    // Without the database there is nobody who could wait for it.
    onReturn() {},
    close: pruning,
  }
}

function keepPruning(db: SystemDatabase, clock: Clock, log: Logger, every: number): () => Promise<void> {
  const state = { closed: false, pruning: Promise.resolve() }
  const prune = async (): Promise<void> => {
    for (let full = true; full && !state.closed;) {
      const { rowCount } = await db.query(
        `delete from tenfold.cache_value where (cache, key) in (
           select cache, key from tenfold.cache_value
           where gone_at < $1 and (lease_until is null or lease_until < now())
           order by cache, key limit $2 for update skip locked)`,
        [clock.now(), PRUNE_BATCH],
      )
      full = rowCount === PRUNE_BATCH
    }
    await db.query(`delete from tenfold.cache_mark where at < now() - $1 * interval '1 ms'`, [MARK_MS])
  }
  // Spread, so that instances started together do not prune together.
  const timer = setInterval(
    () => {
      state.pruning = prune().catch((error: unknown) =>
        log.warn('Shared values of caches were not pruned.', { error: messageOf(error) }),
      )
    },
    every * (0.5 + Math.random()),
  )
  timer.unref()
  return async () => {
    state.closed = true
    clearInterval(timer)
    await state.pruning
  }
}

function takenOf({ kind, stamp, fresh_until: freshUntil, gone_at: goneAt, body }: Row): Taken {
  if (kind === 'value') return { kind, stamp: Number(stamp), freshUntil, goneAt, body }
  return kind === 'lead' ? { kind, stamp: Number(stamp) } : { kind }
}

function orderOf(asks: readonly Ask[]): number[] {
  return asks
    .map((_, i) => i)
    .sort((a, b) => compare(asks[a]!.cache, asks[b]!.cache) || compare(asks[a]!.key, asks[b]!.key))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
