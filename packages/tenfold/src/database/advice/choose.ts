import type { Trial } from './clone.ts'
import type { Priced, Prices } from './price.ts'

/** An index has to make a query at least this many times cheaper. */
const WORTH = 2
/** Below this cost (some pages read) nothing is worth an index. */
const CHEAP = 50
/** The part of the whole workload's cost that it has to save. */
const SHARE = 0.0005

export interface Chosen {
  trial: Trial
  helps: { query: Priced; before: number; after: number }[]
}

/** Where a B-tree costs less than this, few rows are wanted, and it stays. */
const WIDE = 100
/** The planner has to take the BRIN index, and not just barely. What it says of the cost is far too much: it counts the pages as
 *  if they were scattered over the table. */
const TAKEN = 0.8

/** Greedy: the index that saves most, then the one that saves most beside it, and so on; then those that cover a query, beside
 *  the others; at the end, without those that the others have made superfluous. */
export async function choose(prices: Prices, trials: readonly Trial[]): Promise<Chosen[]> {
  const { queries } = prices
  const base = new Map<Priced, number>()
  for (const query of queries) base.set(query, await prices.of(query, []))
  const total = queries.reduce((sum, query) => sum + query.query.calls * base.get(query)!, 0)
  const touching = (trial: Trial): Priced[] =>
    queries.filter(({ tables, query }) => tables.has(trial.table) && query.module === trial.schema)

  const gainOf = async (trial: Trial, beside: readonly Trial[]): Promise<number> => {
    let gain = 0
    for (const query of touching(trial)) {
      const before = await prices.of(query, beside)
      const after = await prices.of(query, [...beside, trial])
      if (before > CHEAP && before >= after * WORTH) gain += query.query.calls * (before - after)
    }
    // Of two that save the same, the smaller one: fewer columns, fewer pages.
    return gain * (1 - 0.002 * trial.columns.length) - trial.pages * 1e-6
  }

  const pickFrom = async (some: readonly Trial[], chosen: Trial[]): Promise<void> => {
    let ranked: { trial: Trial; gain: number }[] = []
    for (const trial of some) {
      const gain = await gainOf(trial, chosen)
      if (gain > total * SHARE) ranked.push({ trial, gain })
    }
    while (ranked.length > 0) {
      ranked.sort((a, b) => b.gain - a.gain)
      const [first] = ranked
      const gain = await gainOf(first!.trial, chosen)
      if (gain <= total * SHARE) ranked = ranked.slice(1)
      else if (ranked.length === 1 || gain >= ranked[1]!.gain) {
        chosen.push(first!.trial)
        ranked = ranked.slice(1)
      } else first!.gain = gain // others have taken a part of what it saves
    }
  }

  const picked: Trial[] = []
  const isPlain = ({ include, method }: Trial): boolean => include === undefined && method !== 'brin'
  await pickFrom(trials.filter(isPlain), picked)
  const covering = trials.filter(({ include }) => include !== undefined)
  await pickFrom(covering, picked)
  const needed = await withoutSuperfluous(prices, picked, touching)
  const chosen = await withBrin(prices, needed, trials, touching)
  return Promise.all(chosen.map((trial) => helpOf(prices, trial, chosen, touching)))
}

/** Where all queries of a B-tree want many rows that lie together in the table, a BRIN index takes its place: it is a
 *  thousandth of its size, and next to nothing to write. */
async function withBrin(
  prices: Prices,
  chosen: readonly Trial[],
  trials: readonly Trial[],
  touching: (trial: Trial) => Priced[],
): Promise<Trial[]> {
  const result = [...chosen]
  for (const trial of chosen) {
    const { schema, table, columns, method, where, include } = trial
    if (method !== 'btree' || columns.length > 1 || where !== undefined || include) continue
    const brin = trials.find(
      (one) => one.method === 'brin' && one.schema === schema && one.table === table && one.columns[0] === columns[0],
    )
    if (!brin) continue
    const others = result.filter((one) => one !== trial)
    let serves = true
    for (const query of touching(trial)) {
      const without = await prices.of(query, others)
      const before = await prices.of(query, result)
      const after = await prices.of(query, [...others, brin])
      if (without < before * 1.2) continue // not one that it helps
      if (before < WIDE || after > without * TAKEN) serves = false
    }
    if (serves) result[result.indexOf(trial)] = brin
  }
  return result
}

async function withoutSuperfluous(
  prices: Prices,
  chosen: readonly Trial[],
  touching: (trial: Trial) => Priced[],
): Promise<Trial[]> {
  let kept = [...chosen]
  for (const trial of chosen) {
    const others = kept.filter((one) => one !== trial)
    let needed = false
    for (const query of touching(trial)) {
      const without = await prices.of(query, others)
      if (without > CHEAP && without >= (await prices.of(query, kept)) * WORTH) needed = true
    }
    if (!needed) kept = others
  }
  return kept
}

async function helpOf(
  prices: Prices,
  trial: Trial,
  chosen: readonly Trial[],
  touching: (trial: Trial) => Priced[],
): Promise<Chosen> {
  const others = chosen.filter((one) => one !== trial)
  const helps: Chosen['helps'] = []
  for (const query of touching(trial)) {
    const before = await prices.of(query, others)
    const after = await prices.of(query, chosen)
    if (before >= after * 1.2) helps.push({ query, before, after })
  }
  return { trial, helps }
}
