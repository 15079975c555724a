/** The rule, on what was recorded of one context:
 *    one query (or call) at least LEAST times, with at least LEAST distinct keys in one place,
 *    at least 80 % of them out of one column of earlier results of the same context.
 *
 *  What is meant to go one by one is let off: rows processed in a write transaction each, writes that each confirm a call
 *  to somebody outside, advisory locks. */
import type { TraceRecord } from '../../telemetry/index.ts'
import type { Place } from './anatomy.ts'
import { callSiteOf } from './callsite.ts'
import type { DatabaseFinding, NPlusOne, Origin, RepeatRead } from './findings.ts'
import { keyOf } from './keys.ts'
import { sourceOf, type Budget, type Keys, type Source } from './provenance.ts'
import type { Group, Occurrence, Recording } from './record.ts'

/** Fewer are not worth a word. */
const LEAST = 4
const SHARE = 0.8
/** Some ten milliseconds of work at most. */
const MOST_VALUES = 200_000
/** Whoever waits longer between two equal reads waits for a change. */
const POLL_MS = 100

interface Flagged {
  group: Group
  keys: Keys
  source: Source
}

type PlacesOf = (text: string) => Place[]

export function judge(recording: Recording, trace: TraceRecord, placesOf: PlacesOf): DatabaseFinding[] {
  const origin: Origin = { kind: trace.kind, name: trace.name }
  const repeated = recording.groups.filter((group) => group.times >= LEAST)
  const flagged = new Map<Group, Flagged>()
  const findings: DatabaseFinding[] = []
  const budget: Budget = { values: MOST_VALUES }
  for (const group of repeated) {
    const found = findSource(group, recording, (other) => flagged.has(other), budget, placesOf)
    if (found && !oneByOne(group, found.keys, recording, trace)) flagged.set(group, found)
    else if (readsAgain(group)) findings.push(repeatRead(group, origin))
  }
  for (const one of flagged.values()) {
    if (![...flagged.values()].some((other) => causes(other, one))) findings.push(nPlusOne(one, origin))
  }
  return findings
}

function findSource(
  group: Group,
  { groups }: Recording,
  isFlagged: (group: Group) => boolean,
  budget: Budget,
  placesOf: PlacesOf,
): Flagged | undefined {
  if (/\bpg_(?:try_)?advisory_/.test(group.name)) return undefined
  let best: Flagged | undefined
  for (const keys of group.kind === 'call' ? keysOfCall(group) : keysOfQuery(group, placesOf)) {
    if (keys.first.size < LEAST) continue
    const source = sourceOf(keys, groups, isFlagged, budget)
    if (source && (!best || source.found > best.source.found)) best = { group, keys, source }
  }
  return best
}

/** The places of the statement that may hold keys: those of the condition first. */
function keysOfQuery(group: Group, placesOf: PlacesOf): Keys[] {
  const shape = placesOf(group.occurrences[0]!.text)
  const candidates = shape.map(({ role, column }, index) => ({ role, column, index }))
  const order = ['equal', 'list', 'insert', 'other']
  return candidates
    .filter(({ role }) => order.includes(role))
    .toSorted((a, b) => order.indexOf(a.role) - order.indexOf(b.role))
    .map(({ column, index }) => ({
      column,
      first: firstUses(group.occurrences, ({ text, values }) => {
        const place = placesOf(text)[index]
        if (!place || !order.includes(place.role)) return undefined
        const value = place.parameter > 0 ? values[place.parameter - 1] : place.literal
        // A list of one is a key all the same: `any($1)` in a loop.
        return place.role === 'list' ? (Array.isArray(value) && value.length === 1 ? value[0] : undefined) : value
      }),
    }))
}

/** Of a call: the input itself, or each field of it. */
function keysOfCall(group: Group): Keys[] {
  const [input] = group.occurrences[0]!.values
  if (Array.isArray(input)) return []
  if (typeof input !== 'object' || input === null) {
    return [{ column: undefined, whole: true, first: firstUses(group.occurrences, ({ values }) => values[0]) }]
  }
  return Object.keys(input).map((field) => ({
    column: field,
    first: firstUses(group.occurrences, ({ values }) => (values[0] as Record<string, unknown> | undefined)?.[field]),
  }))
}

function firstUses(
  occurrences: readonly Occurrence[],
  valueOf: (occurrence: Occurrence) => unknown,
): Map<string, number> {
  const first = new Map<string, number>()
  for (const occurrence of occurrences) {
    const key = keyOf(valueOf(occurrence))
    if (key !== undefined && !first.has(key)) first.set(key, occurrence.began)
  }
  return first
}

/** Work that has to go row by row. */
function oneByOne(group: Group, keys: Keys, recording: Recording, trace: TraceRecord): boolean {
  const transactions = group.occurrences.map(({ transaction }) => transaction)
  const own = new Set(transactions.filter((tx) => tx && recording.hasWritten(tx)))
  if (own.size >= keys.first.size * SHARE) return true
  if (!group.writes) return false
  const outgoing = trace.spans.filter((span) => span.kind === 'outgoing').length
  return outgoing >= group.times * SHARE
}

/** The queries that a called method makes are the call's fault. */
function causes(call: Flagged, { group, keys }: Flagged): boolean {
  if (call.group.kind !== 'call' || group.kind !== 'query') return false
  if (!call.group.name.startsWith(`${group.module}.`)) return false
  return [...keys.first.keys()].every((key) => call.keys.first.has(key))
}

function readsAgain({ kind, writes, name, occurrences }: Group): boolean {
  if (kind !== 'query' || writes || !/^\s*(?:select|with)\b/i.test(name) || VOLATILE.test(name)) return false
  const runs = Map.groupBy(occurrences, ({ values, text, writes: before, rows, transaction }) =>
    JSON.stringify([values, text, before, rows, transaction === undefined], (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  )
  return [...runs.values()].some((run) => inOneGo(run) >= LEAST)
}

const VOLATILE = /\b(?:nextval|random|now|clock_timestamp|gen_random_uuid|pg_\w+|current_timestamp|skip locked)\b/i

/** How many came without a wait before them. */
function inOneGo(run: readonly Occurrence[]): number {
  return run.filter((one, i) => i === 0 || one.startedMs - run[i - 1]!.endedMs < POLL_MS).length
}

function nPlusOne({ group, keys, source }: Flagged, origin: Origin): NPlusOne {
  return {
    code: 'n-plus-one',
    what: group.kind === 'call' ? 'call' : /^\s*(?:select|with)\b/i.test(group.name) ? 'read' : 'write',
    ...shared(group, origin),
    ...(keys.column !== undefined && { column: keys.column }),
    distinctKeys: keys.first.size,
    source: { kind: source.group.kind, query: source.group.name, column: source.column },
  }
}

function repeatRead(group: Group, origin: Origin): RepeatRead {
  return { code: 'repeat-read', ...shared(group, origin) }
}

function shared(group: Group, origin: Origin): Omit<RepeatRead, 'code'> {
  const callSite = callSiteOf(group.captured?.stack)
  return { origin, module: group.module, query: group.name, times: group.times, ...(callSite && { callSite }) }
}
