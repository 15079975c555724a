import type {
  ActivityReport,
  EventName,
  Filter,
  FunnelQuery,
  FunnelReport,
  LifecycleQuery,
  LifecycleReport,
  PathsQuery,
  PathsReport,
  PropertyFacts,
  Range,
  RetentionQuery,
  RetentionReport,
  SavedReport,
  Selection,
  TrendQuery,
  TrendReport,
} from '../../../../tenfold/src/analytics/analytics.ts'
import { act } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type {
  ActivityReport,
  EventName,
  Filter,
  FunnelReport,
  FunnelStep,
  LifecycleReport,
  PathsReport,
  PropertyFacts,
  Range,
  RetentionReport,
  SavedReport,
  Selection,
  TrendReport,
} from '../../../../tenfold/src/analytics/analytics.ts'

// Questions that read a million events are not asked again every ten seconds: `live: false`.
const question = <T>(what: string, query: unknown): Asked<T> =>
  useApi<T>(`/analytics/${what}?${new URLSearchParams({ q: JSON.stringify(query) })}`, { live: false })

export const useNames = (): Asked<EventName[]> => useApi<EventName[]>('/analytics/names', { live: false })
export const useProperties = (event: string): Asked<PropertyFacts[]> =>
  useApi<PropertyFacts[]>(`/analytics/properties?${new URLSearchParams({ event })}`, { live: false })
export const useFunnel = (query: FunnelQuery): Asked<FunnelReport> => question('funnel', query)
export const useRetention = (query: RetentionQuery): Asked<RetentionReport> => question('retention', query)
export const useTrend = (query: TrendQuery): Asked<TrendReport> => question('trend', query)
export const useLifecycle = (query: LifecycleQuery): Asked<LifecycleReport> => question('lifecycle', query)
export const usePaths = (query: PathsQuery): Asked<PathsReport> => question('paths', query)
export const useActivity = (query: Range): Asked<ActivityReport> => question('activity', query)
export const useReports = (): Asked<SavedReport[]> => useApi<SavedReport[]>('/analytics/reports', { live: false })

/** What is kept of a report is the address of its page. */
export const saveReport = (title: string, kind: string, address: string): Promise<SavedReport> =>
  act('POST', `/analytics/reports?${new URLSearchParams({ title, kind, q: JSON.stringify({ address }) })}`)
export const removeReport = (id: string): Promise<{ done: boolean }> => act('POST', `/analytics/reports/${id}/remove`)

/** A step in the address: the event, and a filter if it has one, `ordered~value~greater~100`. */
export function selectionOf(text: string): Selection {
  const [event = '', property, is, ...values] = text.split('~').map(decodeURIComponent)
  if (!property || !is) return { event }
  const numbers = is === 'greater' || is === 'less'
  const filter: Filter = { property, is: is as Filter['is'], values: numbers ? values.map(Number) : values }
  return { event, where: [filter] }
}

export function textOf({ event, where = [] }: Selection): string {
  const [filter] = where
  const parts = filter ? [event, filter.property, filter.is, ...(filter.values ?? []).map(String)] : [event]
  return parts.map((part) => encodeURIComponent(part).replaceAll('~', '%7E')).join('~')
}

export function wordsOf({ event, where = [] }: Selection): string {
  const [filter] = where
  return filter ? `${event} (${filter.property} ${filter.is} ${(filter.values ?? []).join(', ')})` : event
}
