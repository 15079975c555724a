/** Paths, as one pass over the events of each person in time order: the engine filters and sorts, this decides. An event of
 *  the same name as the one before is no step of its own. */

/** Rows of one engine, in the order of person, time, sequence number and name. */
export interface PathRows {
  length: number
  /** Below 2^53. */
  person: ArrayLike<number>
  /** Microseconds. */
  at: ArrayLike<number>
  /** The number of the event's name. */
  name: ArrayLike<number>
  /** 1: a path can begin here. */
  opens: ArrayLike<number>
}

export interface PathRule {
  direction: 'after' | 'before'
  depth: number
  gapUs: number
}

/** In place of a name: the path ended. */
export const END = -1
/** In place of a name: one of those that are not among the most frequent. */
export const OTHER = -2

export interface PathLink {
  step: number
  from: number
  to: number
  people: number
}

const MOST_NAMES = 10

export function countPaths(rows: PathRows, rule: PathRule): { people: number; links: PathLink[] } {
  const paths: number[][] = []
  for (let from = 0; from < rows.length;) {
    let to = from + 1
    while (to < rows.length && rows.person[to] === rows.person[from]) to++
    const path = pathOf(rows, from, to, rule)
    if (path) paths.push(path)
    from = to
  }
  return { people: paths.length, links: linksOf(paths, rule.depth) }
}

/** The names along the path of one person, the opening one first. */
function pathOf(rows: PathRows, from: number, to: number, { direction, depth, gapUs }: PathRule): number[] | undefined {
  let at = from
  while (at < to && rows.opens[at] !== 1) at++
  if (at === to) return undefined
  const path = [rows.name[at]!]
  const step = direction === 'after' ? 1 : -1
  const opened = rows.at[at]!
  for (let next = at + step; next >= from && next < to && path.length <= depth; next += step) {
    if (Math.abs(rows.at[next]! - opened) > depth * gapUs) break
    if (Math.abs(rows.at[next]! - rows.at[next - step]!) > gapUs) break
    if (rows.name[next] !== path.at(-1)) path.push(rows.name[next]!)
  }
  return path
}

function linksOf(paths: readonly (readonly number[])[], depth: number): PathLink[] {
  const shown = Array.from({ length: depth + 1 }, (_, place) => mostFrequent(paths, place))
  const nameAt = (path: readonly number[], place: number): number => {
    const name = path[place]
    if (name === undefined) return END
    return shown[place]!.has(name) ? name : OTHER
  }
  return Array.from({ length: depth }, (_, step) => step).flatMap((step) => {
    const links = new Map<string, PathLink>()
    for (const path of paths) {
      if (path.length <= step) continue
      const [from, to] = [nameAt(path, step), nameAt(path, step + 1)]
      const link = links.get(`${from} ${to}`)
      if (link) link.people++
      else links.set(`${from} ${to}`, { step, from, to, people: 1 })
    }
    return [...links.values()].sort((a, b) => b.people - a.people || a.from - b.from || a.to - b.to)
  })
}

function mostFrequent(paths: readonly (readonly number[])[], place: number): Set<number> {
  const counts = new Map<number, number>()
  for (const path of paths) {
    const name = path[place]
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || a - b)
  return new Set(sorted.slice(0, MOST_NAMES).map(([name]) => name))
}
