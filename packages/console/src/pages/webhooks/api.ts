import type { WebhookEndpointDetail, WebhookEndpointRow } from '../../../../tenfold/src/console/webhooks.ts'
import { act, withQuery } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type {
  WebhookDeliveryRow,
  WebhookEndpointDetail,
  WebhookEndpointRow,
} from '../../../../tenfold/src/console/webhooks.ts'

type Which = Pick<WebhookEndpointRow, 'module' | 'id'>

const pathOf = ({ module, id }: Which): string => `/webhooks/${encodeURIComponent(module)}/${encodeURIComponent(id)}`

export const useEndpoints = (): Asked<WebhookEndpointRow[]> => useApi<WebhookEndpointRow[]>('/webhooks')

export const useEndpoint = (which: Which): Asked<WebhookEndpointDetail> => useApi<WebhookEndpointDetail>(pathOf(which))

export const enable = (which: Which): Promise<{ done: boolean }> => act('POST', `${pathOf(which)}/enable`)

/** @param since in ms since 1970 */
export const replay = (which: Which, since: number, all: boolean): Promise<{ jobId: string }> =>
  act('POST', withQuery(`${pathOf(which)}/replay`, { since, ...(all && { all: 1 }) }))

export const retry = (module: string, delivery: string): Promise<{ jobId: string }> =>
  act('POST', `/webhook-deliveries/${encodeURIComponent(module)}/${encodeURIComponent(delivery)}/retry`)
