import type { TraceSpan } from './api.ts'

const OFTEN = 5

/** Queries that ran again and again in one trace: the sign of a query inside a loop. */
export function repeatedQueries(spans: TraceSpan[]): { name: string; times: number; totalMs: number }[] {
  const groups = Map.groupBy(
    spans.filter((span) => span.kind === 'query'),
    (span) => `${span.parentId} ${span.name}`,
  )
  return [...groups.values()]
    .filter((group) => group.length >= OFTEN)
    .map((group) => ({
      name: group[0]!.name,
      times: group.length,
      totalMs: group.reduce((sum, span) => sum + span.durationMs, 0),
    }))
}
