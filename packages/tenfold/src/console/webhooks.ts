/** Where the app's webhooks go, and sending them again; as addresses of the API.
 *
 *    GET  /api/webhooks                                      WebhookEndpointRow[]
 *    GET  /api/webhooks/:module/:endpoint                    WebhookEndpointDetail
 *    POST /api/webhooks/:module/:endpoint/enable             { done }
 *    POST /api/webhooks/:module/:endpoint/replay?since=&all= { jobId }     since: ms since 1970
 *    POST /api/webhook-deliveries/:module/:delivery/retry    { jobId } */
import type { ApiRoute } from './api.ts'
import { ConsoleBadRequest, ConsoleNotFound } from './errors.ts'
import { flag, number } from './query.ts'

/** Times are in ms since 1970. */
export interface WebhookEndpointRow {
  module: string
  id: string
  owner: string
  url: string
  /** Empty: all types. */
  events: string[]
  /** Attempts that failed since the last one that arrived. */
  failures: number
  failingSince?: number
  disabledAt?: number
  disabledWhy?: string
  createdAt: number
}

export interface WebhookDeliveryRow {
  id: string
  type: string
  attempts: number
  /** What the other side answered last. */
  status?: number
  problem?: string
  /** The beginning of what a failed attempt was answered. */
  answer?: string
  attemptedAt?: number
  deliveredAt?: number
  createdAt: number
}

export interface WebhookEndpointDetail {
  endpoint: WebhookEndpointRow
  /** The newest first. */
  deliveries: WebhookDeliveryRow[]
}

export interface SentWebhooks {
  /** The failing ones first. */
  endpoints(): Promise<WebhookEndpointRow[]>
  endpoint(module: string, id: string): Promise<WebhookEndpointDetail | undefined>
  /** False if there is none. */
  enable(module: string, id: string): Promise<boolean>
  /** The id of the job; undefined if there is no such endpoint. */
  replay(module: string, id: string, of: { since: number; all: boolean }): Promise<string | undefined>
  /** The id of the job; undefined if there is no such delivery. */
  retry(module: string, delivery: string): Promise<string | undefined>
}

const ID = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'
const ENDPOINT = `/webhooks/([^/]{1,100})/${ID}`

export const WEBHOOK_ROUTES: readonly ApiRoute[] = [
  { method: 'GET', path: /^\/webhooks$/, answer: async ({ webhooks }) => (await webhooks?.endpoints()) ?? [] },
  {
    method: 'GET',
    path: new RegExp(`^${ENDPOINT}$`),
    answer: async ({ webhooks }, _query, module = '', id = '') =>
      found(await webhooks?.endpoint(module, id), `webhook endpoint ${id}`),
  },
  {
    method: 'POST',
    path: new RegExp(`^${ENDPOINT}/enable$`),
    action: 'enable webhook endpoint of',
    answer: async ({ webhooks }, _query, module = '', id = '') => ({
      done: (await webhooks?.enable(module, id)) ?? false,
    }),
  },
  {
    method: 'POST',
    path: new RegExp(`^${ENDPOINT}/replay$`),
    action: 'replay webhooks of',
    answer: async ({ webhooks }, query, module = '', id = '') => {
      const { since } = number(query, 'since', 0, Number.MAX_SAFE_INTEGER)
      // Everything that was ever sent is nothing to send again by forgetting a word.
      if (since === undefined) throw ConsoleBadRequest({ field: 'since', expected: 'given, in ms since 1970' })
      const { all = false } = flag(query, 'all')
      return { jobId: found(await webhooks?.replay(module, id, { since, all }), `webhook endpoint ${id}`) }
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^/webhook-deliveries/([^/]{1,100})/${ID}/retry$`),
    action: 'send webhook again of',
    answer: async ({ webhooks }, _query, module = '', id = '') => ({
      jobId: found(await webhooks?.retry(module, id), `webhook delivery ${id}`),
    }),
  },
]

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw ConsoleNotFound({ what })
  return value
}
