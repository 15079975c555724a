/** The form of {@link Evidence} as a JSON schema (draft 2020-12), and the check of a value against it. One description for
 *  programs, people and us. */
interface Shape {
  readonly type: 'object' | 'array' | 'number' | 'string' | 'boolean'
  readonly const?: string | number
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly items?: Shape
  readonly additionalProperties?: Shape
}

const n: Shape = { type: 'number' }
const s: Shape = { type: 'string' }
const b: Shape = { type: 'boolean' }
const list = (items: Shape): Shape => ({ type: 'array', items })

/** Names that end in `?` may be absent. */
function form(fields: Readonly<Record<string, Shape>>): Shape {
  const entries = Object.entries(fields)
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, shape]) => [name.replace('?', ''), shape])),
    required: entries.flatMap(([name]) => (name.endsWith('?') ? [] : [name])),
  }
}

const numbers = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, n]))

const WORK = form({
  name: s,
  module: s,
  ...numbers('count', 'errors', 'ms', 'p50', 'p95', 'self', 'pool', 'database', 'outgoing', 'calls', 'rows'),
  hosts: list(form({ host: s, ...numbers('count', 'ms') })),
  queries: list(form({ query: s, ...numbers('calls', 'ms', 'rows', 'repeated', 'mostInOne') })),
})

const DATABASE = form({
  version: s,
  'cores?': n,
  ...numbers('maxConnections', 'connections', 'own', 'sizeBytes', 'longestTransactionMs', 'opened', 'deadlocks'),
  ...numbers('tempBytes', 'readFromDisk'),
  seen: form(numbers('client', 'server', 'calls')),
  active: form(numbers('samples', 'cpu', 'io', 'lock', 'latch', 'commit', 'idleInTransaction')),
  'others?': form({ working: n, query: s }),
  blockers: list(form({ waiting: n, waitingQuery: s, holderQuery: s, holderState: s })),
  queries: list(
    form({
      query: s,
      module: s,
      ...numbers('calls', 'ms', 'rows', 'blocks'),
      'scans?': list(form({ table: s, schema: s, columns: list(s), rows: n, pages: n })),
    }),
  ),
  tables: list(
    form({
      name: s,
      ...numbers('rows', 'dead', 'bytes', 'scans', 'rowsScanned', 'writes'),
      'inserts?': n,
      'deletes?': n,
    }),
  ),
  replicas: list(form({ name: s, lagMs: n, 'behindBytes?': n })),
  'roundTripMs?': n,
  'platform?': form(numbers('sessions', 'limits', 'cache', 'jobs', 'other')),
  'commits?': n,
  'walBytes?': n,
})

const PROCESS = form({
  roles: list(s),
  host: s,
  release: s,
  ...numbers('startedAt', 'loop', 'stalled', 'longestStall', 'gc', 'cpu', 'rssBytes', 'heapBytes', 'heapLimit'),
  'heapGrowth?': n,
  'externalBytes?': n,
  'externalGrowth?': n,
  pool: form(numbers('max', 'used', 'waiting', 'opened')),
  requests: n,
})

const HOST = form({
  name: s,
  ...numbers('cores', 'busy', 'steal', 'iowait', 'throttled', 'app', 'postgres', 'other', 'memoryBytes', 'memoryFree'),
  'pressure?': form(numbers('cpu', 'io', 'memory')),
  'diskFree?': n,
  'diskFreeBytes?': n,
  'network?': form(numbers('receivedBytes', 'sentBytes', 'sentAgain')),
})

export const EVIDENCE_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Evidence of a tenfold app',
  ...form({
    format: { type: 'string', const: 'tenfold-evidence' },
    version: { type: 'number', const: 1 },
    app: s,
    takenAt: n,
    window: form(numbers('from', 'to', 'seconds', 'slotSeconds')),
    configuration: form({
      stage: form({ number: n, name: s }),
      roles: { type: 'object', additionalProperties: n },
      ...numbers('promisedP95', 'instances', 'poolSize', 'workerConcurrency', 'replicas'),
      databaseOnSameHost: b,
      redis: b,
      pooler: b,
    }),
    coverage: form({ share: n, requests: n, 'restartedAt?': n, statements: b, sessions: b, reset: b }),
    traffic: form({
      ...numbers('requests', 'errors', 'perSecond', 'peakPerSecond', 'p50', 'p95', 'p99', 'unseenWaitP95', 'shed'),
      topClientShare: n,
      'clients?': form(numbers('seen', 'topTime')),
      slots: list(form({ ...numbers('at', 'requests', 'errors', 'p95'), 'depth?': n })),
      seconds: list(list(n)),
    }),
    routes: list(WORK),
    jobs: list(WORK),
    queue: form({
      ...numbers('arrived', 'finished', 'failed', 'busyMs', 'depthBefore', 'depthAfter', 'dead', 'oldestMs', 'slots'),
      'running?': n,
      'held?': form({ jobs: n, name: s }),
    }),
    crons: list(form({ name: s, runs: list(form(numbers('at', 'ms'))) })),
    'database?': DATABASE,
    processes: list(PROCESS),
    hosts: list(HOST),
    caches: list(form({ name: s, ...numbers('hits', 'misses', 'loads', 'evictions'), 'loadMs?': n })),
    'asked?': list(form({ query: s, ...numbers('calls', 'again', 'top', 'beside', 'mostAtOnce') })),
    repeats: list(form({ code: s, origin: s, query: s, 'place?': s, times: n, 'share?': n })),
    days: list(form({ day: s, ...numbers('peakPerSecond', 'requests', 'p95') })),
    changes: list(form({ at: n, what: s, name: s })),
    'shifts?': list(
      form({
        kind: s,
        name: s,
        ...numbers('at', 'before', 'after', 'score'),
        with: list(form({ what: s, name: s, at: n })),
      }),
    ),
    'outcomes?': list(
      form({
        code: s,
        subject: form({ kind: s, name: s }),
        predicted: form({ what: s, 'of?': s, ...numbers('before', 'low', 'high') }),
        measured: n,
        cameTrue: b,
      }),
    ),
  }),
}

/** The first thing that does not fit, as a sentence; undefined when all does. */
export function faultIn(value: unknown, shape: Shape = EVIDENCE_SCHEMA as Shape, at = 'it'): string | undefined {
  const kind = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  if (kind !== shape.type) return `${at} is ${kind}, not ${shape.type}`
  if (shape.const !== undefined && value !== shape.const) return `${at} is not ${shape.const}`
  if (shape.items) return firstFault((value as unknown[]).map((item, i) => [item, shape.items!, `${at}[${i}]`]))
  const fields = value as Record<string, unknown>
  const missing = shape.required?.find((name) => fields[name] === undefined)
  if (missing !== undefined) return `${at} has no '${missing}'`
  const known = Object.entries(shape.properties ?? {})
  return firstFault(
    known.flatMap(([name, one]) => (fields[name] === undefined ? [] : [[fields[name], one, `${at}.${name}`] as const])),
  )
}

function firstFault(all: readonly (readonly [value: unknown, shape: Shape, at: string])[]): string | undefined {
  for (const [value, shape, at] of all) {
    const fault = faultIn(value, shape, at)
    if (fault !== undefined) return fault
  }
  return undefined
}
