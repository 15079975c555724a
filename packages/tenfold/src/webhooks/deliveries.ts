/** What was sent to an endpoint, and sending it again. */
import type { SqlTransaction } from '../database/index.ts'
import type { Endpoint, Delivery, WebhookContext, Asks } from './store.ts'
import { webhookIdOf } from './store.ts'

export interface Replay {
  endpoint: string
  since: Date
  /** Defaults to now. */
  until?: Date
  /** Also what has arrived. Defaults to false: only what has not. */
  all?: boolean
}

export interface Deliveries<Type extends string> {
  /** Newest first. `limit` defaults to 100, at most 1000; `before` is the id of the last one on the page before.
   *  @example await hooks.deliveries.list(context, { endpoint: id }) */
  list(
    context: Pick<WebhookContext, 'db'>,
    of: { endpoint: Endpoint['id']; limit?: number; before?: string },
  ): Promise<Delivery<Type>[]>
  /** Sends one again, at once, with the attempts of a new one; also one that has arrived. False if there is none. */
  retry(context: Pick<WebhookContext, 'db'>, delivery: string, within?: { tx?: SqlTransaction }): Promise<boolean>
  /** Sends all of a time again, by a job: its id. To an endpoint that is disabled nothing is sent: enable it first.
   *  @example await hooks.deliveries.replay({ endpoint: id, since: endpoint.disabledAt }) */
  replay(what: Replay, within?: { tx?: SqlTransaction }): Promise<string>
}

/** What the job of one delivery is given. */
export interface Due {
  delivery: string
  endpoint: string
  /** Also if it has arrived. */
  again?: boolean
}

export async function listDeliveries(
  db: Asks,
  { endpoint, limit = 100, before }: { endpoint: string; limit?: number; before?: string },
): Promise<Delivery[]> {
  const { rows } = await db.sql<Row>`
    select d.*, m.type from webhook_delivery d join webhook_message m on m.id = d.message_id
     where d.endpoint_id = ${endpoint}::uuid and (${before ?? null}::uuid is null or d.id < ${before ?? null}::uuid)
     order by d.id desc limit ${Math.min(1000, limit)}`
  return rows.map(deliveryOf)
}

export async function dueAgain(db: Asks, delivery: string): Promise<Due | undefined> {
  const { rows } = await db.sql<{ endpoint: string }>`
    select endpoint_id as endpoint from webhook_delivery where id = ${delivery}::uuid`
  return rows[0] && { delivery, endpoint: rows[0].endpoint, again: true }
}

/** What the job of a replay is given; times in ms since 1970. */
export interface ReplayOrder {
  endpoint: string
  since: number
  until: number
  all: boolean
  /** Just this delivery. */
  only?: string
}

const PAGE = 500

/** Those of a replay, a page at a time, in the order in which they were sent. */
export async function* dueInReplay(
  db: Asks,
  { endpoint, since, until, all, only }: ReplayOrder,
): AsyncGenerator<Due[]> {
  let last = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const { rows } = await db.sql<{ id: string }>`
      select id from webhook_delivery
       where endpoint_id = ${endpoint}::uuid and id > ${last}::uuid and (${all} or delivered_at is null)
         and id = coalesce(${only ?? null}::uuid, id)
         and created_at >= ${new Date(since)} and created_at <= ${new Date(until)}
       order by id limit ${PAGE}`
    if (rows.length > 0) yield rows.map(({ id }) => ({ delivery: id, endpoint, again: true }))
    if (rows.length < PAGE) return
    last = rows.at(-1)!.id
  }
}

interface Row {
  id: string
  endpoint_id: string
  message_id: string
  type: string
  attempts: number
  status: number | null
  problem: string | null
  answer: string | null
  attempted_at: Date | null
  delivered_at: Date | null
  created_at: Date
}

function deliveryOf(row: Row): Delivery {
  return {
    id: row.id,
    endpoint: row.endpoint_id,
    type: row.type,
    webhookId: webhookIdOf(row.message_id),
    attempts: row.attempts,
    status: row.status ?? undefined,
    problem: row.problem ?? undefined,
    answer: row.answer ?? undefined,
    attemptedAt: row.attempted_at ?? undefined,
    deliveredAt: row.delivered_at ?? undefined,
    createdAt: row.created_at,
  }
}
