/** An app that sends webhooks and receives them, and as a program a worker of it. */
import { z } from 'zod'
import { defineModule } from '../modules/index.ts'
import { webhooks } from '../webhooks/index.ts'
import { app } from './index.ts'

const m = defineModule('shop', {
  settings: z.object({
    ALLOW_PRIVATE: z.stringbool().default(true),
    IN_SECRET: z.string().default(''),
    OLD_SECRET: z.string().default(''),
  }),
})

export const hooks = webhooks(m, {
  events: { 'order.paid': z.object({ total: z.int() }), 'order.placed': z.object({ total: z.int() }) },
  allowPrivate: ({ ALLOW_PRIVATE }) => ALLOW_PRIVATE,
  allowHttp: true,
  schedule: ['20ms', '20ms'],
  timeout: '2s',
  disableAfter: { time: '1h', attempts: 2 },
})

/** What was told and received in this process. */
export const seen: { disabled: string[]; received: unknown[] } = { disabled: [], received: [] }

const told = m.on(hooks.events.disabled.shape, 'told', {
  run: async ({ event }) => void seen.disabled.push(`${event.owner}: ${event.why}`),
})

const note = m.job('note', {
  input: z.object({ total: z.int() }),
  run: async ({ input }) => void seen.received.push(input.total),
})

const Paid = z.object({ type: z.literal('order.paid'), data: z.object({ total: z.int() }) })

const incoming = hooks.receive('POST /hooks/orders', {
  secret: ({ IN_SECRET, OLD_SECRET }) => [IN_SECRET, OLD_SECRET],
  body: Paid,
  async handler({ event, webhookId, tx }) {
    await note.enqueue(event.data, { tx })
    if (webhookId.startsWith('fails') && event.data.total < 0) throw new Error('not yet')
  },
})

/** What handlers of an app would do, by name. */
const act = m.route('POST /act', {
  auth: 'public',
  body: z.object({ act: z.string(), id: z.string().default(''), given: z.any() }),
  reply: z.any(),
  async handler({ body: { act: what, id, given }, ...context }) {
    const acts: Record<string, () => Promise<unknown>> = {
      add: () => hooks.endpoints.add(context, given),
      get: () => hooks.endpoints.get(context, { id }),
      rotate: () => hooks.endpoints.rotate(context, { id }),
      enable: () => hooks.endpoints.enable(context, { id }),
      disable: () => hooks.endpoints.disable(context, { id }),
      change: () => hooks.endpoints.change(context, { id, owner: given.owner }, given),
      list: () => hooks.deliveries.list(context, { endpoint: id }),
      retry: () => hooks.deliveries.retry(context, id),
      replay: () => hooks.deliveries.replay({ endpoint: id, since: new Date(given.since), all: given.all }),
      send: () => context.db.transaction((tx) => hooks.send(given.type ?? 'order.paid', given.data, { tx, ...given })),
      abandon: () =>
        context.db.transaction(async (tx) => {
          await hooks.send('order.paid', given.data, { tx, ...given })
          throw new Error('rolled back')
        }),
    }
    return (await acts[what]!()) ?? null
  },
})

export const hooked = app({
  name: 'hooked',
  modules: [m.build({ parts: [...hooks.parts, told, note, incoming, act] })],
})

if (import.meta.main) {
  await hooked.start({ roles: ['worker'], config: { worker: { leaseMs: 1000 } } })
}
