import { created, noContent } from 'tenfold'
import { z } from 'zod'
import { NoEndpoint, TooManyEndpoints } from './errors.ts'
import { hooks } from './hooks.ts'
import { m } from './kit.ts'

const WebhookEvent = z.enum(['order.placed', 'order.paid', 'order.refunded'])

const Id = z.object({ id: z.uuid() })

const Endpoint = z.object({
  id: z.uuid(),
  url: z.url(),
  events: z.array(WebhookEvent),
  /** Set when nothing has arrived for too long; nothing is sent any more. */
  disabledAt: z.iso.datetime().nullable(),
})

const MAX_ENDPOINTS = 10

export const addEndpoint = m.route('POST /webhooks', {
  summary: 'Be told of the own orders by HTTP',
  description: 'Signed as in https://www.standardwebhooks.com with the secret, which is shown only here.',
  auth: 'user',
  body: z.object({ url: z.url({ protocol: /^https?$/ }).max(2000), events: z.array(WebhookEvent).min(1).max(3) }),
  reply: Endpoint.extend({ secret: z.string() }),
  async handler({ body, user, ...context }) {
    const own = await hooks.endpoints.list(context, { owner: user.id })
    if (own.length >= MAX_ENDPOINTS) throw TooManyEndpoints({ max: MAX_ENDPOINTS })
    const { id, secret } = await hooks.endpoints.add(context, { owner: user.id, ...body })
    return created({ id, ...body, disabledAt: null, secret })
  },
})

export const listEndpoints = m.route('GET /webhooks', {
  summary: 'The own webhooks',
  auth: 'user',
  reply: z.array(Endpoint),
  async handler({ user, ...context }) {
    const own = await hooks.endpoints.list(context, { owner: user.id })
    return own.map((one) => ({ ...one, disabledAt: one.disabledAt?.toISOString() ?? null }))
  },
})

export const removeEndpoint = m.route('DELETE /webhooks/:id', {
  summary: 'Stop a webhook, and forget its deliveries',
  auth: 'user',
  params: Id,
  async handler({ user, params: { id }, ...context }) {
    if (!(await hooks.endpoints.remove(context, { id, owner: user.id }))) throw NoEndpoint({ id })
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
      type: WebhookEvent,
      attempts: z.int(),
      /** What the other side answered last. */
      status: z.int().nullable(),
      problem: z.string().nullable(),
      deliveredAt: z.iso.datetime().nullable(),
    }),
  ),
  async handler({ user, params: { id }, ...context }) {
    if (!(await hooks.endpoints.get(context, { id, owner: user.id }))) throw NoEndpoint({ id })
    const sent = await hooks.deliveries.list(context, { endpoint: id })
    return sent.map(({ status = null, problem = null, deliveredAt, ...one }) => ({
      ...one,
      status,
      problem,
      deliveredAt: deliveredAt?.toISOString() ?? null,
    }))
  },
})
