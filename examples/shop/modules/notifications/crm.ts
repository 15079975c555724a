import { z } from 'zod'
import { auth } from '../auth/contract.ts'
import { orders } from '../orders/contract.ts'
import { CrmFailed } from './errors.ts'
import { m } from './kit.ts'

export const customerToCrm = m.on(auth.events.registered, 'crm-customer', {
  once: true,
  run: ({ event, tx }) => syncCrm.enqueue({ kind: 'customer', key: event.userId, payload: event }, { tx }),
})

export const orderToCrm = m.on(orders.events.paid, 'crm-order', {
  once: true,
  run: ({ event, tx }) => syncCrm.enqueue({ kind: 'order', key: event.orderId, payload: event }, { tx }),
})

/** Copies a record to the CRM with PUT, which may be repeated. What was sent is kept here, also when there is no CRM. */
export const syncCrm = m.job('sync-crm', {
  input: z.object({ kind: z.enum(['customer', 'order']), key: z.uuid(), payload: z.record(z.string(), z.unknown()) }),
  attempts: 10,
  backoff: { base: '5s', max: '1h' },
  priority: -10,
  async run({ input: { kind, key, payload }, db, settings, signal, now }) {
    const body = JSON.stringify(payload)
    if (settings.CRM_URL) {
      const response = await fetch(new URL(`${kind}s/${key}`, settings.CRM_URL), {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
      })
      await response.body?.cancel()
      if (!response.ok) throw CrmFailed({ status: response.status })
    }
    const outcome = settings.CRM_URL ? 'sent' : 'no target'
    await db
      .insertInto('crm_records')
      .values({ kind, key, payload: body, outcome })
      .onConflict((conflict) =>
        conflict.columns(['kind', 'key']).doUpdateSet({ payload: body, outcome, synced_at: now() }),
      )
      .execute()
  },
})
