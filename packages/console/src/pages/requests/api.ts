import type { RouteStats, TraceDetail, TraceSummary } from '../../../../tenfold/src/inspect/api.ts'
import type { HeatView } from '../../../../tenfold/src/inspect/heat.ts'
import { withQuery } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'
import { type List, useList } from '../../api/use-list.ts'

export type { RouteStats, TraceDetail, TraceSummary } from '../../../../tenfold/src/inspect/api.ts'
export type { HeatView } from '../../../../tenfold/src/inspect/heat.ts'
export type TraceSpan = TraceDetail['tree'][number]

export const useRoutes = (minutes: number): Asked<RouteStats[]> => useApi<RouteStats[]>(`/routes?minutes=${minutes}`)

export const useHeat = (minutes: number, name: string | undefined): Asked<HeatView> =>
  useApi<HeatView>(withQuery('/heat', { minutes, name }))

export const useTraces = (filter: Record<string, string | undefined>): List<TraceSummary> =>
  useList<TraceSummary>(withQuery('/traces', filter), (trace) => trace.startedAt)

/** A trace is finished: it does not change. */
export const useTrace = (traceId: string): Asked<TraceDetail> =>
  useApi<TraceDetail>(`/traces/${encodeURIComponent(traceId)}`, { live: false })
