/** What an operator may do from outside of the app, as `tenfold webhooks` does: with the module's role, and through jobs. */
import type { Module } from '../modules/index.ts'
import type { NewJob } from '../queue/index.ts'
import { listDeliveries, type ReplayOrder } from './deliveries.ts'
import { enableEndpoint } from './endpoints.ts'
import { endpointOf, type Asks, type Delivery, type Endpoint, type EndpointRow } from './store.ts'

/** The name of the migrations that webhooks bring along, within their module. */
export const TABLES = 'webhooks'
export const REPLAY = { name: 'webhook-replay', timeoutMs: 600_000 } as const

export interface WebhookAdmin {
  /** The failing ones first, then the newest; at most 200. */
  endpoints(): Promise<Endpoint[]>
  endpoint(id: string): Promise<Endpoint | undefined>
  deliveries(endpoint: string, limit: number): Promise<Delivery[]>
  /** False if there is none. */
  enable(endpoint: string): Promise<boolean>
  /** The id of the job. */
  replay(what: ReplayOrder): Promise<string>
  /** The id of the job; undefined if there is no such delivery. */
  retry(delivery: string): Promise<string | undefined>
}

export function hasWebhooks({ name, parts }: Module): boolean {
  return parts.some((part) => part.kind === 'migrations' && part.name === `${name}.${TABLES}`)
}

/** @param db the module's own */
export function administerWebhooks(module: string, db: Asks, enqueue: (job: NewJob) => Promise<string>): WebhookAdmin {
  const replay = (payload: ReplayOrder): Promise<string> =>
    enqueue({ name: `${module}.${REPLAY.name}`, payload, timeoutMs: REPLAY.timeoutMs })
  return {
    async endpoints() {
      const { rows } = await db.sql<EndpointRow>`
        select * from webhook_endpoint order by failing_since is null, disabled_at is null, id desc limit 200`
      return rows.map(endpointOf)
    },
    async endpoint(id) {
      const { rows } = await db.sql<EndpointRow>`select * from webhook_endpoint where id = ${id}::uuid`
      return rows[0] && endpointOf(rows[0])
    },
    deliveries: (endpoint, limit) => listDeliveries(db, { endpoint, limit }),
    enable: (id) => enableEndpoint(db, { id }),
    replay,
    async retry(delivery) {
      const { rows } = await db.sql<{ endpoint_id: string }>`
        select endpoint_id from webhook_delivery where id = ${delivery}::uuid`
      const [row] = rows
      if (!row) return undefined
      return replay({ endpoint: row.endpoint_id, since: 0, until: Date.now(), all: true, only: delivery })
    },
  }
}
