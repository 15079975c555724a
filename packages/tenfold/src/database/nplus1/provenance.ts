/** Where the keys of a repeated query came from: which column of which earlier result of the same request had them. */
import { alike, identifies, keyOf, saysLittle } from './keys.ts'
import type { Group, Outcome } from './record.ts'

/** The keys that one place of a repeated query took. */
export interface Keys {
  column: string | undefined
  /** It is all that a call was given. */
  whole?: boolean
  /** Each distinct key, and when the query first ran with it; in that order. */
  first: ReadonlyMap<string, number>
}

export interface Source {
  group: Group
  column: string
  /** How many of the keys were there. */
  found: number
  /** The most keys that a single result gave: a loop over rows takes several out of one. */
  fanOut: number
  ended: number
}

const SHARE = 0.8
/** Of the steps from one key to the next. */
const OUT_OF_ORDER = 0.1
const DEPTH = 4
const ITEMS = 200
const COLUMNS = 200
const NAME = 60

interface Tally {
  group: Group
  column: string
  /** Per key: the running number of the row that had it first. */
  rows: Map<string, number>
  perOutcome: Map<Outcome, number>
  ended: number
}

/** How many values may be looked at for all statements of one context: what it read may be large, and was perhaps sent by
 *  somebody who means no good. */
export interface Budget {
  values: number
}

/** The likeliest source; undefined when no column gave enough of the keys. */
export function sourceOf(
  keys: Keys,
  groups: readonly Group[],
  isFlagged: (group: Group) => boolean,
  budget: Budget,
): Source | undefined {
  let best: Source | undefined
  for (const tally of tallies(keys, groups, budget)) {
    if (tally.rows.size < Math.max(2, keys.first.size * SHARE) || !convinces(tally, keys)) continue
    const fanOut = Math.max(...tally.perOutcome.values())
    // One key out of each result is a walk (keyset pages, a queue), unless those results were a loop's already.
    if (fanOut < 2 && !isFlagged(tally.group)) continue
    const source = { group: tally.group, column: tally.column, found: tally.rows.size, fanOut, ended: tally.ended }
    if (!best || betterThan(source, best, keys.column)) best = source
  }
  return best
}

function tallies(keys: Keys, groups: readonly Group[], budget: Budget): Tally[] {
  const all: Tally[] = []
  for (const group of groups) {
    const byColumn = new Map<string, Tally>()
    let row = 0
    for (const outcome of group.outcomes) {
      const see: Visit['see'] = (column, value) => {
        const key = keyOf(value)
        const firstUse = key === undefined ? undefined : keys.first.get(key)
        if (key === undefined || firstUse === undefined || outcome.ended > firstUse) return
        let tally = byColumn.get(column)
        if (!tally && byColumn.size >= COLUMNS) return
        if (!tally) byColumn.set(column, (tally = { group, column, rows: new Map(), perOutcome: new Map(), ended: 0 }))
        if (tally.rows.has(key)) return
        tally.rows.set(key, row)
        tally.perOutcome.set(outcome, (tally.perOutcome.get(outcome) ?? 0) + 1)
        tally.ended = outcome.ended
      }
      const visit: Visit = { budget, see, next: () => row++ }
      for (const value of outcome.rows) {
        if (budget.values <= 0) break
        walk(value, '', DEPTH, visit)
        row++
      }
    }
    all.push(...byColumn.values())
  }
  return all
}

interface Visit {
  budget: Budget
  see(column: string, value: unknown): void
  /** An item of an array counts as a row. */
  next(): void
}

/** Visits the values of a row, those of arrays and objects in it too. */
function walk(value: unknown, path: string, depth: number, visit: Visit): void {
  if (--visit.budget.values < 0) return
  if (typeof value !== 'object' || value === null || value instanceof Date) return visit.see(path, value)
  if (depth === 0 || ArrayBuffer.isView(value)) return
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && i < ITEMS; i++) {
      walk(value[i], path, depth - 1, visit)
      visit.next()
    }
    return
  }
  for (const name in value) {
    if (visit.budget.values < 0) return
    const short = name.length <= NAME ? name : name.slice(0, NAME)
    walk((value as Record<string, unknown>)[name], path ? `${path}.${short}` : short, depth - 1, visit)
  }
}

/** Keys that say much need no more. Small numbers and words must be of a column that fits, and used in the order in which
 *  they came. */
function convinces({ column, rows }: Tally, keys: Keys): boolean {
  const telling = [...rows.keys()].filter((key) => !saysLittle(key)).length
  if (telling >= rows.size * SHARE) return true
  const name = column.split('.').at(-1)!
  const inOrder = follows([...keys.first.keys()].map((key) => rows.get(key)).filter((row) => row !== undefined))
  if (keys.column === undefined) return keys.whole === true && inOrder && (name === '' || identifies(name))
  if (identifies(keys.column))
    return (identifies(name) && (alike(name, keys.column) || /^(?:id|uuid)$/.test(keys.column))) || inOrder
  return alike(name, keys.column) && inOrder
}

function follows(rows: readonly number[]): boolean {
  let [up, down] = [0, 0]
  for (let i = 1; i < rows.length; i++) {
    if (rows[i]! > rows[i - 1]!) up++
    else down++
  }
  return Math.min(up, down) <= Math.floor((up + down) * OUT_OF_ORDER)
}

/** The one that gave more keys at once, fits better by name, came last. */
function betterThan(a: Source, b: Source, column: string | undefined): boolean {
  const fits = (source: Source): number => Number(column !== undefined && alike(source.column, column))
  return (a.found - b.found || a.fanOut - b.fanOut || fits(a) - fits(b) || a.ended - b.ended) > 0
}
