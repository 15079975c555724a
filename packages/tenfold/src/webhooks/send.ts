/** From one event to a delivery for each endpoint, in the caller's transaction. */
import type { SqlTransaction } from '../database/index.ts'
import { webhookIdOf, type Within } from './store.ts'

export interface SendOptions {
  /** The webhook exists if and only if this transaction commits. */
  tx: Within
  /** To whose endpoints it goes. Defaults to `''`. */
  owner?: string
  /** Identifies what it tells this owner of, so that to send it again does nothing.
   *  @example key: orderId */
  key?: string
  /** When it happened. Defaults to the time of the transaction. */
  at?: Date
}

export interface Sent {
  /** What receivers know it by; undefined if nobody wanted it, or it was sent before under its key. */
  webhookId: string | undefined
  /** To how many endpoints. Disabled ones get theirs when it is replayed to them. */
  deliveries: number
}

type Enqueue = (inputs: { delivery: string; endpoint: string }[], tx: SqlTransaction) => Promise<unknown>

export async function send(
  type: string,
  data: unknown,
  { tx, owner = '', key, at }: SendOptions,
  enqueue: Enqueue,
): Promise<Sent> {
  const { rows: endpoints } = await tx.sql<{ id: string; enabled: boolean; now: Date }>`
    select id, disabled_at is null as enabled, now() as now from webhook_endpoint
     where owner = ${owner} and (events = '{}' or events @> array[${type}]) order by id`
  const [first] = endpoints
  if (!first) return { webhookId: undefined, deliveries: 0 }
  const body = JSON.stringify({ type, timestamp: (at ?? first.now).toISOString(), data })
  const { rows } = await tx.sql<{ id: string }>`
    insert into webhook_message (owner, type, key, body) values (${owner}, ${type}, ${key ?? null}, ${body})
    on conflict (owner, type, key) do nothing returning id`
  const message = rows[0]?.id
  if (message === undefined) return { webhookId: undefined, deliveries: 0 }
  const { rows: added } = await tx.sql<{ delivery: string; endpoint: string }>`
    insert into webhook_delivery (message_id, endpoint_id)
    select ${message}::uuid, unnest(${endpoints.map(({ id }) => id)}::uuid[])
    returning id as delivery, endpoint_id as endpoint`
  const enabled = new Set(endpoints.filter((one) => one.enabled).map(({ id }) => id))
  const due = added.filter(({ endpoint }) => enabled.has(endpoint))
  if (due.length > 0) await enqueue(due, tx)
  return { webhookId: webhookIdOf(message), deliveries: due.length }
}
