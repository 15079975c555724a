/** What the server did between the first sample and the last. */
import type { DatabaseEvidence, QueryEvidence, TableEvidence } from './evidence.ts'
import type { StoredSamples } from './postgres/samples.ts'
import type { ActivitySums, ServerSample } from './postgres/server.ts'

interface Known {
  app: string
  texts: ReadonlyMap<string, string>
  /** 0 where the server's machine is not known. */
  cores: number
}

const MOST_QUERIES = 25
const MOST_TABLES = 20
const PLATFORM = 'tenfold'

export function databaseOf({ processes, whole }: StoredSamples, known: Known): DatabaseEvidence | undefined {
  if (whole.length < 2) return undefined
  const [first, last] = [whole[0]!.sample.server, whole.at(-1)!.sample.server]
  const looked = whole.slice(1).map(({ sample }) => sample.server.activity)
  const queries = queriesBetween(first, last, known)
  return {
    version: last.version,
    ...(known.cores > 0 && { cores: known.cores }),
    maxConnections: last.maxConnections,
    connections: Math.max(...whole.map(({ sample }) => sample.server.connections)),
    own: Math.max(...whole.map(({ sample }) => sample.server.own)),
    sizeBytes: last.sizeBytes,
    seen: {
      client: clientMs(processes, 'ms'),
      server: queries.reduce((sum, { ms }) => sum + ms, 0),
      calls: clientMs(processes, 'calls'),
    },
    active: activeOf(looked),
    ...(last.sees.sessions && { others: othersIn(looked) }),
    blockers: blockersOf(looked),
    longestTransactionMs: Math.max(0, ...looked.map(({ longestTransactionMs }) => longestTransactionMs)),
    opened: gained(first, last, 'sessions'),
    deadlocks: gained(first, last, 'deadlocks'),
    tempBytes: gained(first, last, 'tempBytes'),
    readFromDisk: gained(first, last, 'read') / Math.max(1, gained(first, last, 'read') + gained(first, last, 'hit')),
    queries: queries.slice(0, MOST_QUERIES),
    tables: tablesBetween(first, last),
    replicas: last.replicas.map(({ lagMs, behindBytes }, i) => ({
      name: `replica-${i + 1}`,
      lagMs,
      ...(behindBytes !== undefined && { behindBytes }),
    })),
    ...roundTripOf(looked),
    platform: platformBetween(first, last, known),
    commits: gained(first, last, 'commits'),
    walBytes: gained(first, last, 'walBytes'),
  }
}

/** Of modules alone: the platform's own statements are on neither side. */
function clientMs(processes: StoredSamples['processes'], what: 'calls' | 'ms'): number {
  let sum = 0
  for (const { sample } of processes)
    for (const [module, [calls, ms]] of Object.entries(sample.statements))
      if (module !== PLATFORM) sum += what === 'calls' ? calls : ms
  return sum
}

function gained(first: ServerSample, last: ServerSample, key: keyof ServerSample['counters']): number {
  return Math.max(0, (last.counters[key] ?? 0) - (first.counters[key] ?? 0))
}

function queriesBetween(first: ServerSample, last: ServerSample, { app, texts }: Known): QueryEvidence[] {
  const before = new Map(first.statements.map((row) => [`${row[0]} ${row[1]}`, row]))
  const found: QueryEvidence[] = []
  for (const row of last.statements) {
    const [role, id, calls, ms, rows, blocks] = row
    const module = role.startsWith(`${app}_`) ? role.slice(app.length + 1) : ''
    const query = texts.get(id)
    if (module === PLATFORM || module === `${PLATFORM}_owner` || query === undefined || query.includes('tenfold.'))
      continue
    const [, , oldCalls = 0, oldMs = 0, oldRows = 0, oldBlocks = 0] = before.get(`${role} ${id}`) ?? []
    if (calls <= oldCalls) continue
    found.push({
      query,
      module,
      calls: calls - oldCalls,
      ms: ms - oldMs,
      rows: rows - oldRows,
      blocks: blocks - oldBlocks,
    })
  }
  return found.sort((a, b) => b.ms - a.ms)
}

/** The quickest of each slot, and of those the middle: what a busy process or server adds is not the way. */
function roundTripOf(looked: readonly ActivitySums[]): Pick<DatabaseEvidence, 'roundTripMs'> {
  const times = looked.flatMap(({ roundTripMs }) => roundTripMs ?? []).sort((a, b) => a - b)
  return times.length === 0 ? {} : { roundTripMs: times[Math.floor(times.length / 2)]! }
}

type Platform = NonNullable<DatabaseEvidence['platform']>
const PURPOSES: readonly (readonly [keyof Platform, RegExp])[] = [
  ['sessions', /tenfold\.session/],
  ['limits', /tenfold\.rate_limit/],
  ['cache', /tenfold\.cache/],
  ['jobs', /tenfold\.(?:job|queue|outbox|enqueue|publish)/],
]

function platformBetween(first: ServerSample, last: ServerSample, { app, texts }: Known): Platform {
  const before = new Map(first.statements.map(([role, id, , ms]) => [`${role} ${id}`, ms]))
  const spent: Platform = { sessions: 0, limits: 0, cache: 0, jobs: 0, other: 0 }
  for (const [role, id, , ms] of last.statements) {
    const text = texts.get(id) ?? ''
    if (role !== `${app}_${PLATFORM}` && !text.includes('tenfold.')) continue
    const purpose = PURPOSES.find(([, names]) => names.test(text))?.[0] ?? 'other'
    spent[purpose] += Math.max(0, ms - (before.get(`${role} ${id}`) ?? 0))
  }
  return spent
}

function activeOf(looked: readonly ActivitySums[]): DatabaseEvidence['active'] {
  const samples = looked.reduce((sum, one) => sum + one.samples, 0)
  const mean = (key: 'cpu' | 'io' | 'lock' | 'latch' | 'commit' | 'idleInTransaction'): number =>
    looked.reduce((sum, one) => sum + one[key], 0) / Math.max(1, samples)
  return {
    samples,
    cpu: mean('cpu'),
    io: mean('io'),
    lock: mean('lock'),
    latch: mean('latch'),
    commit: mean('commit'),
    idleInTransaction: mean('idleInTransaction'),
  }
}

function othersIn(looked: readonly ActivitySums[]): NonNullable<DatabaseEvidence['others']> {
  const sums = new Map<string, number>()
  for (const { others = {} } of looked)
    for (const [query, n] of Object.entries(others)) sums.set(query, (sums.get(query) ?? 0) + n)
  const all = [...sums].sort(([, a], [, b]) => b - a)
  const samples = looked.reduce((sum, one) => sum + one.samples, 0)
  return { working: all.reduce((sum, [, n]) => sum + n, 0) / Math.max(1, samples), query: all[0]?.[0] ?? '' }
}

function blockersOf(looked: readonly ActivitySums[]): DatabaseEvidence['blockers'] {
  const sums = new Map<string, DatabaseEvidence['blockers'][number]>()
  for (const { blockers } of looked)
    for (const [key, one] of Object.entries(blockers)) {
      const known = sums.get(key)
      if (known) known.waiting += one.waiting
      else sums.set(key, { ...one })
    }
  return [...sums.values()].sort((a, b) => b.waiting - a.waiting).slice(0, 5)
}

function tablesBetween(first: ServerSample, last: ServerSample): TableEvidence[] {
  const before = new Map(first.tables.map((row) => [row[0], row]))
  return last.tables
    .map(([name, rows, dead, bytes, scans, rowsScanned, writes, inserts = 0, deletes = 0]) => {
      const [
        ,
        ,
        ,
        ,
        oldScans = scans,
        oldRows = rowsScanned,
        oldWrites = writes,
        oldInserts = inserts,
        oldDeletes = deletes,
      ] = before.get(name) ?? []
      return {
        name,
        rows,
        dead,
        bytes,
        scans: scans - oldScans,
        rowsScanned: rowsScanned - oldRows,
        writes: writes - oldWrites,
        inserts: inserts - oldInserts,
        deletes: deletes - oldDeletes,
      }
    })
    .slice(0, MOST_TABLES)
}
