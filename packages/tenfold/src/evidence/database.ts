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
    blockers: blockersOf(looked),
    longestTransactionMs: Math.max(0, ...looked.map(({ longestTransactionMs }) => longestTransactionMs)),
    opened: gained(first, last, 'sessions'),
    deadlocks: gained(first, last, 'deadlocks'),
    tempBytes: gained(first, last, 'tempBytes'),
    readFromDisk: gained(first, last, 'read') / Math.max(1, gained(first, last, 'read') + gained(first, last, 'hit')),
    queries: queries.slice(0, MOST_QUERIES),
    tables: tablesBetween(first, last),
    replicas: last.replicas.map(({ lagMs }, i) => ({ name: `replica-${i + 1}`, lagMs })),
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
  return Math.max(0, last.counters[key] - first.counters[key])
}

function queriesBetween(first: ServerSample, last: ServerSample, { app, texts }: Known): QueryEvidence[] {
  const before = new Map(first.statements.map((row) => [`${row[0]} ${row[1]}`, row]))
  const found: QueryEvidence[] = []
  for (const row of last.statements) {
    const [role, id, calls, ms, rows, blocks] = row
    const module = role.startsWith(`${app}_`) ? role.slice(app.length + 1) : ''
    const query = texts.get(id)
    if (module === PLATFORM || query === undefined || query.includes('tenfold.')) continue
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
    .map(([name, rows, dead, bytes, scans, rowsScanned, writes]) => {
      const [, , , , oldScans = scans, oldRows = rowsScanned, oldWrites = writes] = before.get(name) ?? []
      return {
        name,
        rows,
        dead,
        bytes,
        scans: scans - oldScans,
        rowsScanned: rowsScanned - oldRows,
        writes: writes - oldWrites,
      }
    })
    .slice(0, MOST_TABLES)
}
