/** Slow calls to others while somebody waits: the finding `slow-call`. */
import { callSiteOf, createReport, type PlacedFinding, type Words } from '../database/index.ts'
import type { Context, Finding, SpanRecord, Telemetry, TraceRecord } from '../telemetry/index.ts'

/** A request spent much of its time in calls to one other service. */
export interface SlowCall extends PlacedFinding {
  code: 'slow-call'
  host: string
  /** Whether it asks the other side to do something, and not only to tell. */
  writes: boolean
  /** During which at least one of these calls ran. */
  waitedMs: number
  /** Of the request's whole duration, from 0 to 1. */
  share: number
}

export function isSlowCall(finding: Finding): finding is SlowCall {
  return finding.code === 'slow-call'
}

export function slowCallWords({ origin, module, query, host, times, waitedMs, share, writes }: SlowCall): Words {
  // What belongs to no module is of an app that is not made with us.
  const own = module !== ''
  const percent = Math.round(share * 100)
  return {
    title: `Slow call in the request path: ${origin.name} waits for ${host}`,
    says: `${query} took ${Math.round(waitedMs)} ms${times > 1 ? ` in ${times} calls` : ''}, ${percent} % of the request.`,
    fix: writes
      ? `Answer first and call later: put the call into a job${own ? ' (`m.job`)' : ''} and enqueue it in the transaction of the request, with an ${own ? '`idempotencyKey`' : 'idempotency key'}; answer 202, or tell the outcome by an event.`
      : `Keep what it answers in a cache${own ? ' (`m.cache` with `staleFor`)' : ''}, or fetch it beforehand in a cron${times > 1 ? `; ask for all at once${own ? ' with `all()`' : ''} where it has to be now` : ''}.`,
  }
}

/** Below, nobody waits for long; a smaller part of a request is not where its time goes. */
const LEAST_MS = 200
const LEAST_SHARE = 0.3

/** Stacks of the calls of one request, by the name of their span. */
type Stacks = Map<string, string | undefined>
const STACKS = Symbol('tenfold.outgoing')

/** Notices calls of requests as they begin, judges them when the request ends. */
export function createSlowCallWatch(telemetry: Telemetry): (span: string, stack: string | undefined) => void {
  const report = createReport(telemetry, slowCallWords)
  const begin = (context: Context): Stacks => {
    const stacks: Stacks = new Map()
    context.slots.set(STACKS, stacks)
    context.onEnd((trace) => {
      const findings = judge(trace, stacks)
      if (findings.length === 0) return
      trace.findings = [...(trace.findings ?? []), ...findings]
      if (trace.spans[0]) trace.spans[0].attributes['tenfold.findings'] = trace.findings.length
      report(findings)
    })
    return stacks
  }
  return (span, stack) => {
    const context = telemetry.current()
    if (context?.kind !== 'request') return
    const stacks = (context.slots.get(STACKS) as Stacks | undefined) ?? begin(context)
    if (!stacks.has(span)) stacks.set(span, stack)
  }
}

function judge(trace: TraceRecord, stacks: Stacks): SlowCall[] {
  const calls = Map.groupBy(
    trace.spans.filter(({ kind, name }) => kind === 'outgoing' && stacks.has(name)),
    ({ name }) => name,
  )
  return [...calls].flatMap(([query, spans]) => {
    const waitedMs = covered(spans) / 1000
    const share = Math.min(1, waitedMs / Math.max(1, trace.durationUs / 1000))
    if (waitedMs < LEAST_MS || share < LEAST_SHARE) return []
    const { attributes } = spans[0]!
    const callSite = callSiteOf(stacks.get(query))
    return {
      code: 'slow-call',
      origin: { kind: trace.kind, name: trace.name },
      module: trace.module ?? '',
      query,
      host: String(attributes['server.address']),
      writes: !/^(?:GET|HEAD|OPTIONS)$/.test(String(attributes['http.request.method'])),
      times: spans.length,
      waitedMs,
      share,
      ...(callSite && { callSite }),
    }
  })
}

/** Microseconds during which at least one of them ran: calls at the same time are waited for once. */
function covered(spans: readonly SpanRecord[]): number {
  let total = 0
  let until = 0
  for (const { startUs, durationUs } of spans.toSorted((a, b) => a.startUs - b.startUs)) {
    const end = startUs + durationUs
    total += Math.max(0, end - Math.max(startUs, until))
    until = Math.max(until, end)
  }
  return total
}
