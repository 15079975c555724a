/** Funnels, as one pass over the steps of each person in time order: the engine filters and sorts, this decides.
 *
 *  For each step k it keeps the latest start of an attempt that has reached k. A later start leaves more of the window, so it
 *  stands for every earlier one, and the pass is exact although it never looks back (what ClickHouse's `windowFunnel`
 *  computes, https://clickhouse.com/docs/sql-reference/aggregate-functions/parametric-functions#windowfunnel). */

/** Rows of one engine, in the order of person, time and sequence number. */
export interface FunnelRows {
  length: number
  /** Below 2^53. */
  person: ArrayLike<number>
  /** Microseconds. */
  at: ArrayLike<number>
  /** Bit k: the event is step k. 0: another event, which only `strict` looks at. */
  steps: ArrayLike<number>
  /** Of the breakdown's values, as a small number. */
  value: ArrayLike<number>
}

export interface FunnelRule {
  steps: number
  order: 'ordered' | 'strict' | 'any'
  entry: 'any' | 'first'
  windowUs: number
  /** Attempts begin before this, in microseconds; the rows reach a window further. */
  untilUs: number
  nowUs: number
  /** How many values the breakdown has; 1 without. */
  values: number
}

/** How far people got. */
export interface FunnelCount {
  /** [value][step] */
  reached: number[][]
  /** [value][step]: microseconds from the start of the attempt, one for each person who got there. */
  tookUs: number[][][]
  /** People who entered less than a window ago and are not through. */
  stillOpen: number
}

export function countFunnel(rows: FunnelRows, rule: FunnelRule): FunnelCount {
  const byValue = rule.values > 1
  const slots = byValue ? rule.values + 1 : 1 // the last one is for all values together
  const total: FunnelCount = {
    reached: Array.from({ length: slots }, () => Array.from({ length: rule.steps }, () => 0)),
    tookUs: Array.from({ length: slots }, () => Array.from({ length: rule.steps }, () => [])),
    stillOpen: 0,
  }
  const attempt = rule.order === 'any' ? anyOrder : inOrder
  for (let from = 0; from < rows.length;) {
    let to = from + 1
    while (to < rows.length && rows.person[to] === rows.person[from]) to++
    const all = attempt(rows, from, to, rule, -1)
    add(total, slots - 1, all)
    if (all.level > 0 && all.level < rule.steps && rule.nowUs - all.lastStart < rule.windowUs) total.stillOpen++
    if (byValue)
      for (const value of entered(rows, from, to, rule)) add(total, value, attempt(rows, from, to, rule, value))
    from = to
  }
  return total
}

interface Attempts {
  /** Steps that were reached: 0 is none. */
  level: number
  /** [step]: from the start of the attempt that first got there. */
  took: number[]
  /** When the latest attempt began. */
  lastStart: number
}

function add(total: FunnelCount, slot: number, { level, took }: Attempts): void {
  for (let k = 0; k < level; k++) {
    total.reached[slot]![k]!++
    total.tookUs[slot]![k]!.push(took[k]!)
  }
}

/** The values with which attempts begin: in any order, with whichever step. */
function entered(rows: FunnelRows, from: number, to: number, { order }: FunnelRule): Set<number> {
  const values = new Set<number>()
  const opening = order === 'any' ? ~0 : 1
  for (let i = from; i < to; i++) if ((rows.steps[i]! & opening) !== 0) values.add(rows.value[i]!)
  return values
}

function inOrder(rows: FunnelRows, from: number, to: number, rule: FunnelRule, value: number): Attempts {
  const starts = Array.from({ length: rule.steps }, () => -1)
  const took = Array.from({ length: rule.steps }, () => 0)
  let level = 0
  let lastStart = -1
  for (let i = from; i < to; i++) {
    const at = rows.at[i]!
    const bits = rows.steps[i]!
    // From the last step down: one event is never two steps of one attempt.
    for (let k = rule.steps - 1; k > 0; k--) {
      const start = starts[k - 1]!
      const goesOn = (bits & (1 << k)) !== 0 && start >= 0 && at - start <= rule.windowUs
      if (goesOn && start > starts[k]!) starts[k] = start
      if (goesOn && level <= k) {
        took[k] = at - start
        level = k + 1
      }
      // Nothing may come between: an event that is not the next step ends the attempt that waited for it.
      if (rule.order === 'strict') starts[k - 1] = -1
      if (rule.order === 'strict' && !goesOn) starts[k] = -1
    }
    const first = (bits & 1) !== 0 && at < rule.untilUs && (value < 0 || rows.value[i] === value)
    if (first && (rule.entry === 'any' || lastStart < 0)) {
      starts[0] = lastStart = at
      level = Math.max(level, 1)
    }
  }
  return { level, took, lastStart }
}

/** The most different steps within one window, wherever it begins. */
function anyOrder(rows: FunnelRows, from: number, to: number, rule: FunnelRule, value: number): Attempts {
  const took = Array.from({ length: rule.steps }, () => 0)
  const ends = Array.from({ length: rule.steps }, () => Infinity)
  let level = 0
  let lastStart = -1
  for (let start = from; start < to; start++) {
    const begin = rows.at[start]!
    if (rows.steps[start] === 0 || begin >= rule.untilUs) continue
    if (value >= 0 && rows.value[start] !== value) continue
    if (rule.entry === 'first' && lastStart >= 0) break
    lastStart = begin
    const holders = Array.from({ length: rule.steps }, () => 0)
    let count = 0
    for (let i = start; i < to && count < rule.steps && rows.at[i]! - begin <= rule.windowUs; i++) {
      if (!findsPlace(rows.steps[i]!, holders, 0)) continue
      count++
      level = Math.max(level, count)
      if (i > ends[count - 1]!) continue // an earlier attempt was there first
      ends[count - 1] = i
      took[count - 1] = rows.at[i]! - begin
    }
  }
  return { level, took, lastStart }
}

/** Gives an event one of the steps that it can be, moving others to another of theirs where that makes room (Kuhn's
 *  algorithm for bipartite matching): events that fit several steps are then counted as well as they can be. */
function findsPlace(bits: number, holders: number[], tried: number): boolean {
  for (let k = 0; k < holders.length; k++) {
    if ((bits & (1 << k)) === 0 || (tried & (1 << k)) !== 0) continue
    tried |= 1 << k
    if (holders[k] === 0 || findsPlace(holders[k]!, holders, tried)) {
      holders[k] = bits
      return true
    }
  }
  return false
}
