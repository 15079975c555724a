import type { Sql } from '../../database/index.ts'

/** A call from one module to another, as it stands in a recorded trace. */
interface RecordedSpan {
  id: string
  parent?: string
  kind: string
  name: string
  took: number
  with?: Record<string, string | number | boolean>
}

export interface CallCost {
  /** `billing.charge` */
  method: string
  caller: string
  /** In all traces of those days, as far as they were kept. */
  calls: number
  meanMs: number
  /** Both ways, on average; undefined for traces of before sizes were recorded. */
  meanBytes: number | undefined
  /** Calls made while the caller had a transaction open. */
  inTransaction: number
}

export interface RootCost {
  kind: string
  name: string
  /** Traces of it that were looked at. */
  traces: number
  meanMs: number
  callsPerRun: number
  bytesPerRun: number
}

export interface RecordedCalls {
  traces: number
  methods: CallCost[]
  /** Requests, jobs and crons that make such calls, those with the most calls first. */
  roots: RootCost[]
}

const MOST_TRACES = 5000

/** What the recorded traces of the last `days` tell about calls to one module; the newest 5000 traces at most. */
export async function readCalls(sql: Sql, { module, days }: { module: string; days: number }): Promise<RecordedCalls> {
  const { rows } = await sql.query<{ kind: string; name: string; ms: number; spans: RecordedSpan[] | null }>(
    `select kind, name, duration_ms as ms,
            case when spans @? '$[*] ? (@.kind == "call")' then spans end as spans
       from tenfold.telemetry_trace where started_at >= now() - make_interval(days => $1)
      order by started_at desc limit ${MOST_TRACES}`,
    [days],
  )
  const methods = new Map<string, CallCost & { ms: number; bytes: number; sized: number }>()
  const roots = new Map<string, RootCost & { ms: number; calls: number; bytes: number }>()
  for (const { kind, name, ms, spans } of rows) {
    const root = at(roots, `${kind} ${name}`, () => ({ ...NO_ROOT, kind, name }))
    root.traces++
    root.ms += ms
    const byId = new Map(spans?.map((span) => [span.id, span]))
    for (const span of spans ?? []) {
      if (span.kind !== 'call' || !span.name.startsWith(`${module}.`)) continue
      const bytes = span.with?.['tenfold.call.bytes']
      const caller = String(span.with?.['tenfold.caller'] ?? '')
      const method = at(methods, `${caller} ${span.name}`, () => ({ ...NO_METHOD, method: span.name, caller }))
      method.calls++
      method.ms += span.took / 1000
      if (typeof bytes === 'number') method.sized++
      method.bytes += Number(bytes ?? 0)
      if (isWithin('transaction', span, byId)) method.inTransaction++
      root.calls++
      root.bytes += Number(bytes ?? 0)
    }
  }
  return {
    traces: rows.length,
    methods: [...methods.values()]
      .map(({ ms, bytes, sized, ...method }) => ({
        ...method,
        meanMs: ms / method.calls,
        meanBytes: sized > 0 ? bytes / sized : undefined,
      }))
      .toSorted((a, b) => b.calls - a.calls),
    roots: [...roots.values()]
      .filter(({ calls }) => calls > 0)
      .map(({ ms, calls, bytes, ...root }) => ({
        ...root,
        meanMs: ms / root.traces,
        callsPerRun: calls / root.traces,
        bytesPerRun: bytes / root.traces,
      }))
      .toSorted((a, b) => b.callsPerRun - a.callsPerRun),
  }
}

const NO_ROOT = { traces: 0, ms: 0, calls: 0, bytes: 0, meanMs: 0, callsPerRun: 0, bytesPerRun: 0 }
const NO_METHOD = { calls: 0, ms: 0, bytes: 0, sized: 0, meanMs: 0, meanBytes: undefined, inTransaction: 0 }

function at<T>(all: Map<string, T>, key: string, make: () => T): T {
  const known = all.get(key)
  if (known) return known
  const made = make()
  all.set(key, made)
  return made
}

function isWithin(kind: string, span: RecordedSpan, byId: ReadonlyMap<string, RecordedSpan>): boolean {
  for (let up = byId.get(span.parent ?? ''); up; up = byId.get(up.parent ?? '')) if (up.kind === kind) return true
  return false
}
