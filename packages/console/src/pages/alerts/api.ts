import type { AlertsOverview } from '../../../../tenfold/src/alerts/alerts.ts'
import { act, withQuery } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { AlertsOverview, RuleRow } from '../../../../tenfold/src/alerts/alerts.ts'

export const useAlerts = (): Asked<AlertsOverview | null> => useApi<AlertsOverview | null>('/alerts')

export const silence = (rule: string, forMs: number, because: string): Promise<unknown> =>
  act('POST', withQuery(`/alerts/${encodeURIComponent(rule)}/silence`, { for: forMs, because }))

export const acknowledge = (rule: string): Promise<unknown> =>
  act('POST', `/alerts/${encodeURIComponent(rule)}/acknowledge`)

export const endSilence = (id: string): Promise<unknown> => act('POST', `/silences/${encodeURIComponent(id)}/end`)

export const testChannel = (name: string): Promise<unknown> => act('POST', `/channels/${encodeURIComponent(name)}/test`)
