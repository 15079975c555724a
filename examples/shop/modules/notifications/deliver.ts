/** Webhooks on their way: an event becomes one delivery for each endpoint that wants it, and each delivery is a job. */
import { Webhook } from 'standardwebhooks'
import { messageOf, sql, type Db } from 'tenfold'
import { z } from 'zod'
import { orders } from '../orders/contract.ts'
import { DeliveryFailed } from './errors.ts'
import { m } from './kit.ts'
import { post } from './outgoing.ts'
import type { NotificationsTables } from './tables.gen.ts'
import type { WebhookEvent } from './webhooks.ts'

/** Deliveries that fail one after the other until the endpoint counts as gone. */
const FAILURES_UNTIL_DISABLED = 30

export const onPlaced = m.on(orders.events.placed, 'webhook-placed', {
  run: ({ event, db }) => fanOut(db, 'order.placed', event),
})
export const onPaid = m.on(orders.events.paid, 'webhook-paid', {
  run: ({ event, db }) => fanOut(db, 'order.paid', event),
})
export const onRefunded = m.on(orders.events.refunded, 'webhook-refunded', {
  run: ({ event, db }) => fanOut(db, 'order.refunded', event),
})

/** The unique key of a delivery makes a repeated event harmless. */
async function fanOut(
  db: Db<NotificationsTables>,
  event: z.infer<typeof WebhookEvent>,
  data: { orderId: string; userId: string; total: number },
): Promise<void> {
  await db.transaction(async (tx) => {
    const endpoints = await tx
      .selectFrom('endpoints')
      .select('id')
      .where('user_id', '=', data.userId)
      .where('disabled_at', 'is', null)
      .where(sql<boolean>`events @> array[${event}]`)
      .execute()
    if (endpoints.length === 0) return
    const payload = JSON.stringify({ type: event, timestamp: new Date().toISOString(), data })
    const added = await tx
      .insertInto('deliveries')
      .values(endpoints.map((endpoint) => ({ endpoint_id: endpoint.id, event, key: data.orderId, payload })))
      .onConflict((conflict) => conflict.doNothing())
      .returning(['id as deliveryId', 'endpoint_id as endpointId'])
      .execute()
    await deliverWebhook.enqueueMany(added, { tx })
  })
}

export const deliverWebhook = m.job('deliver-webhook', {
  input: z.object({ deliveryId: z.uuid(), endpointId: z.uuid() }),
  attempts: 10,
  backoff: { base: '5s', max: '6h' },
  timeout: '30s',
  concurrency: { key: ({ endpointId }) => endpointId, limit: 2 },
  async run({ input: { deliveryId }, db, settings, signal, now }) {
    const delivery = await db
      .selectFrom('deliveries as d')
      .innerJoin('endpoints as e', 'e.id', 'd.endpoint_id')
      .select(['d.id', 'd.payload', 'd.endpoint_id', 'd.delivered_at', 'e.url', 'e.secret', 'e.disabled_at'])
      .where('d.id', '=', deliveryId)
      .executeTakeFirst()
    if (!delivery || delivery.delivered_at || delivery.disabled_at) return

    const body = JSON.stringify(delivery.payload)
    const outcome = await post({
      url: new URL(delivery.url),
      body,
      headers: signed(delivery.secret, delivery.id, body, now()),
      allowPrivate: settings.ALLOW_PRIVATE_WEBHOOKS,
      timeoutMs: 10_000,
      signal,
    }).then(
      (status) => ({ status, problem: status >= 200 && status < 300 ? null : `it answered ${status}` }),
      (error: unknown) => ({ status: null, problem: messageOf(error).slice(0, 300) }),
    )
    await db.transaction(async (tx) => {
      await tx.sql`
        update deliveries set attempts = attempts + 1, status = ${outcome.status}, problem = ${outcome.problem},
          delivered_at = ${outcome.problem ? null : now()} where id = ${delivery.id}`
      await tx.sql`
        update endpoints set failures = case when ${outcome.problem === null} then 0 else failures + 1 end,
          disabled_at = case when ${outcome.problem !== null} and failures + 1 >= ${FAILURES_UNTIL_DISABLED} then ${now()}::timestamptz end
        where id = ${delivery.endpoint_id}`
    })
    if (outcome.problem) throw DeliveryFailed({ url: delivery.url, problem: outcome.problem })
  },
})

function signed(secret: string, id: string, body: string, at: Date): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'tenfold-shop',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  }
}
