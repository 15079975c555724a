import { randomBytes } from 'node:crypto'
import { created, noContent } from 'tenfold'
import { z } from 'zod'
import { NoEndpoint, TooManyEndpoints } from './errors.ts'
import { m } from './kit.ts'
import { refuseLiteral } from './outgoing.ts'

export const WebhookEvent = z.enum(['order.placed', 'order.paid', 'order.refunded'])

const Id = z.object({ id: z.uuid() })

const Endpoint = z.object({
  id: z.uuid(),
  url: z.url(),
  events: z.array(WebhookEvent),
  /** Set when too many deliveries in a row have failed; nothing is sent any more. */
  disabledAt: z.iso.datetime().nullable(),
})

const MAX_ENDPOINTS = 10

export const addEndpoint = m.route('POST /webhooks', {
  summary: 'Be told of the own orders by HTTP',
  description: 'Signed as in https://www.standardwebhooks.com with the secret, which is shown only here.',
  auth: 'user',
  body: z.object({ url: z.url({ protocol: /^https?$/ }).max(2000), events: z.array(WebhookEvent).min(1).max(3) }),
  reply: Endpoint.extend({ secret: z.string() }),
  async handler({ body, user, db, settings }) {
    if (!settings.ALLOW_PRIVATE_WEBHOOKS) refuseLiteral(new URL(body.url))
    const { count } = await db
      .selectFrom('endpoints')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('user_id', '=', user.id)
      .executeTakeFirstOrThrow()
    if (count >= MAX_ENDPOINTS) throw TooManyEndpoints({ max: MAX_ENDPOINTS })
    const secret = `whsec_${randomBytes(24).toString('base64')}`
    const events = [...new Set(body.events)]
    const { id } = await db
      .insertInto('endpoints')
      .values({ user_id: user.id, url: body.url, secret, events })
      .returning('id')
      .executeTakeFirstOrThrow()
    return created({ id, url: body.url, events, disabledAt: null, secret })
  },
})

export const listEndpoints = m.route('GET /webhooks', {
  summary: 'The own webhooks',
  auth: 'user',
  reply: z.array(Endpoint),
  async handler({ user, db }) {
    const rows = await db.selectFrom('endpoints').selectAll().where('user_id', '=', user.id).orderBy('id').execute()
    return rows.map((row) => ({
      id: row.id,
      url: row.url,
      events: z.array(WebhookEvent).parse(row.events),
      disabledAt: row.disabled_at?.toISOString() ?? null,
    }))
  },
})

export const removeEndpoint = m.route('DELETE /webhooks/:id', {
  summary: 'Stop a webhook, and forget its deliveries',
  auth: 'user',
  params: Id,
  async handler({ user, params: { id }, db }) {
    const { numDeletedRows } = await db
      .deleteFrom('endpoints')
      .where('id', '=', id)
      .where('user_id', '=', user.id)
      .executeTakeFirstOrThrow()
    if (!numDeletedRows) throw NoEndpoint({ id })
    return noContent()
  },
})

export const listDeliveries = m.route('GET /webhooks/:id/deliveries', {
  summary: 'What was sent to a webhook, newest first',
  auth: 'user',
  params: Id,
  reply: z.array(
    z.object({
      id: z.uuid(),
      event: WebhookEvent,
      attempts: z.int(),
      /** What the other side answered last. */
      status: z.int().nullable(),
      problem: z.string().nullable(),
      deliveredAt: z.iso.datetime().nullable(),
    }),
  ),
  async handler({ user, params: { id }, db }) {
    const endpoint = await db
      .selectFrom('endpoints')
      .select('id')
      .where('id', '=', id)
      .where('user_id', '=', user.id)
      .executeTakeFirst()
    if (!endpoint) throw NoEndpoint({ id })
    const rows = await db
      .selectFrom('deliveries')
      .selectAll()
      .where('endpoint_id', '=', id)
      .orderBy('id', 'desc')
      .limit(100)
      .execute()
    return rows.map((row) => ({
      id: row.id,
      event: WebhookEvent.parse(row.event),
      attempts: row.attempts,
      status: row.status,
      problem: row.problem,
      deliveredAt: row.delivered_at?.toISOString() ?? null,
    }))
  },
})
