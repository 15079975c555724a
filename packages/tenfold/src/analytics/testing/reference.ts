/** What the definitions say, computed in the most obvious way from a list of events: slow, and easy to believe. */
import type {
  FunnelQuery,
  PathsQuery,
  PathsReport,
  Properties,
  RetentionQuery,
  Selection,
  TrackedEvent,
} from '../analytics.ts'

export interface Known {
  person: string
  name: string
  at: number
  seq: number
  properties: Properties
}

/** Events by person, in time order; `personOf` says whose a browser's are. */
export function byPerson(events: readonly TrackedEvent[], personOf: (event: TrackedEvent) => string): Known[][] {
  const people = new Map<string, Known[]>()
  for (const event of events) {
    const person = personOf(event)
    const known: Known = {
      person,
      name: event.name,
      at: event.at!.getTime(),
      seq: event.seq ?? 0,
      properties: event.properties ?? {},
    }
    people.set(person, [...(people.get(person) ?? []), known])
  }
  return [...people.values()].map((list) => list.sort((a, b) => a.at - b.at || a.seq - b.seq))
}

interface Reached {
  level: number
  /** [step]: milliseconds from the start of the attempt. */
  took: number[]
}

/** Tries every attempt of a person. */
export function furthest(
  events: readonly Known[],
  query: FunnelQuery,
  range: { from: number; until: number },
  windowMs: number,
  value?: unknown,
): Reached {
  const isStep = (i: number, k: number): boolean => selects(query.steps[k]!, events[i]!)
  const starts = events
    .map((_, i) => i)
    .filter((i) => events[i]!.at >= range.from && events[i]!.at < range.until)
    .filter((i) => (query.order === 'any' ? query.steps.some((_, k) => isStep(i, k)) : isStep(i, 0)))
    .filter(
      (i) =>
        query.breakdown === undefined ||
        value === undefined ||
        String(events[i]!.properties[query.breakdown] ?? null) === value,
    )
  const attempts = query.entry === 'first' ? starts.slice(0, 1) : starts
  const best: Reached & { end: number[] } = { level: 0, took: [], end: [] }
  for (const start of attempts) {
    const begin = events[start]!.at
    const inWindow = events.map((_, i) => i).filter((i) => i >= start && events[i]!.at - begin <= windowMs)
    const ends = query.order === 'any' ? endsInAnyOrder(inWindow) : endsInOrder(start, inWindow)
    ends.forEach((end, k) => {
      best.level = Math.max(best.level, k + 1)
      const took = events[end]!.at - begin
      // Whoever got there first counts; of those who got there with the same event, the one that began last.
      if (best.end[k] === undefined || end < best.end[k] || (end === best.end[k] && took < best.took[k]!)) {
        best.end[k] = end
        best.took[k] = took
      }
    })
  }
  return best

  /** [step]: the earliest event with which it can be reached. */
  function endsInOrder(start: number, inWindow: readonly number[]): number[] {
    const ends = [start]
    for (let k = 1; k < query.steps.length; k++) {
      const before = ends[k - 1]!
      const next =
        query.order === 'strict'
          ? inWindow.find((i) => i === before + 1 && isStep(i, k))
          : inWindow.find((i) => i > before && isStep(i, k))
      if (next === undefined) break
      ends.push(next)
    }
    return ends
  }

  function endsInAnyOrder(inWindow: readonly number[]): number[] {
    const ends: number[] = []
    for (const end of inWindow) {
      const most = mostSteps(
        inWindow.filter((i) => i <= end),
        new Set(),
      )
      while (ends.length < most) ends.push(end)
    }
    return ends
  }

  function mostSteps(candidates: readonly number[], taken: ReadonlySet<number>): number {
    const [first, ...rest] = candidates
    if (first === undefined) return 0
    let most = mostSteps(rest, taken)
    query.steps.forEach((_, k) => {
      if (!taken.has(k) && isStep(first, k)) most = Math.max(most, 1 + mostSteps(rest, new Set([...taken, k])))
    })
    return most
  }
}

export function selects({ event, where = [] }: Selection, known: Known): boolean {
  if (known.name !== event) return false
  return where.every(({ property, is, values = [] }) => {
    const value = known.properties[property] ?? null
    const texts = values.map(String)
    switch (is) {
      case 'equal':
        return value !== null && texts.includes(String(value))
      case 'not equal':
        return value === null || !texts.includes(String(value))
      case 'contains':
        return value !== null && String(value).toLowerCase().includes(texts[0]!.toLowerCase())
      case 'greater':
        return typeof value === 'number' && value > (values[0] as number)
      case 'less':
        return typeof value === 'number' && value < (values[0] as number)
      case 'set':
        return value !== null
      case 'not set':
        return value === null
    }
  })
}

/** The names along a person's path, the opening one first; undefined for whoever has none. */
function pathOf(
  events: readonly Known[],
  { start, direction = 'after', depth = 4 }: PathsQuery,
  range: { from: number; until: number },
  gapMs: number,
): string[] | undefined {
  const sorted = events.toSorted((a, b) => a.at - b.at || a.seq - b.seq || (a.name < b.name ? -1 : 1))
  const first = sorted.findIndex((one) => one.at >= range.from && one.at < range.until && selects(start, one))
  if (first < 0) return undefined
  const rest = direction === 'after' ? sorted.slice(first) : sorted.slice(0, first + 1).reverse()
  const end = rest.findIndex((one, i) => i > 0 && Math.abs(one.at - rest[i - 1]!.at) > gapMs)
  const near = (end < 0 ? rest : rest.slice(0, end)).filter((one) => Math.abs(one.at - rest[0]!.at) <= depth * gapMs)
  return near
    .map(({ name }) => name)
    .filter((name, i, all) => name !== all[i - 1])
    .slice(0, depth + 1)
}

/** How many people go from which name to which, at each place; for fewer than ten names. */
export function pathsOf(
  people: readonly (readonly Known[])[],
  query: PathsQuery,
  range: { from: number; until: number },
  gapMs: number,
): Pick<PathsReport, 'people' | 'links'> {
  const paths = people.map((events) => pathOf(events, query, range, gapMs)).filter((path) => path !== undefined)
  const links = new Map<string, PathsReport['links'][number]>()
  for (const path of paths) {
    path.slice(0, query.depth ?? 4).forEach((from, step) => {
      const to = path[step + 1] ?? null
      const key = JSON.stringify([step, from, to])
      links.set(key, { step, from, to, people: (links.get(key)?.people ?? 0) + 1 })
    })
  }
  return { people: paths.length, links: [...links.values()] }
}

/** The day, as a calendar on the wall of that time zone shows it. */
export function dayOf(at: number, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at)
}

/** [cohort day] → size, and how many were back after n periods, for periods of a day. */
export function dailyRetention(
  people: readonly (readonly Known[])[],
  query: RetentionQuery,
  days: readonly string[],
  timeZone: string,
): { size: number; back: number[] }[] {
  const columns = query.brackets ?? days.slice(1).map((_, i) => [i + 1, i + 1] as const)
  const table = days.map((_, n) => ({
    size: 0,
    back: columns.filter(([first]) => n + first < days.length).map(() => 0),
  }))
  for (const events of people) {
    const daysOf = (selection: Selection | undefined): string[] =>
      events.filter((event) => !selection || selects(selection, event)).map(({ at }) => dayOf(at, timeZone))
    const started = [...new Set(daysOf(query.start))].sort()
    const back = new Set(daysOf(query.back))
    const cohorts = query.cohort === 'recurring' ? started : started.slice(0, 1)
    for (const day of cohorts) {
      const n = days.indexOf(day)
      if (n < 0) continue
      table[n]!.size++
      table[n]!.back.forEach((_, i) => {
        const [first, last] = query.brackets?.[i] ?? [i + 1, i + 1]
        const later = days.slice(n + first, query.measure === 'onOrAfter' ? undefined : n + last + 1)
        if (later.some((one) => back.has(one))) table[n]!.back[i]!++
      })
    }
  }
  return table
}

/** [period of the range] → who was what, for any event; `starts` are the first days, that of the period before included. */
export function lifecycleOf(
  people: readonly (readonly Known[])[],
  selection: Selection | undefined,
  starts: readonly string[],
  timeZone: string,
): { new: number; returning: number; resurrecting: number; dormant: number }[] {
  const table = starts.slice(1).map(() => ({ new: 0, returning: 0, resurrecting: 0, dormant: 0 }))
  for (const events of people) {
    const days = events
      .filter((event) => !selection || selects(selection, event))
      .map(({ at }) => dayOf(at, timeZone))
      .sort()
    starts.slice(1).forEach((start, n) => {
      const end = starts[n + 2] ?? '9999'
      const [now, before] = [
        days.some((day) => day >= start && day < end),
        days.some((day) => day >= starts[n]! && day < start),
      ]
      if (now && days[0]! >= start) table[n]!.new++
      else if (now && before) table[n]!.returning++
      else if (now) table[n]!.resurrecting++
      else if (before) table[n]!.dormant++
    })
  }
  return table
}
