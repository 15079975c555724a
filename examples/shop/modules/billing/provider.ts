/** The payment provider's HTTP API, as we use it. */
import { messageOf } from 'tenfold'
import { OutboundStatus } from 'tenfold/outbound'
import { z } from 'zod'
import { ProviderAway, ProviderRefused } from './errors.ts'
import { m } from './kit.ts'

const Charge = z.object({ id: z.string(), state: z.enum(['succeeded', 'declined', 'refunded']) })
const Card = z.object({ country: z.string() })

/** A lost answer says nothing about what happened. So a request is repeated with the same key, here at once and later by
 *  the job that called; the provider does it one time and gives the first answer again. */
export const payments = m.client('payments', ({ PAYMENTS_URL, PAYMENTS_TIMEOUT_MS }) => ({
  baseUrl: PAYMENTS_URL,
  timeout: PAYMENTS_TIMEOUT_MS,
  // 409: it is still at the first request with this key.
  retryOn: [409, 429, 500, 502, 503, 504],
  // A payment is worth many tries.
  retryBudget: 2,
  circuit: { share: 0.95, least: 20, pause: '1s' },
}))

export function charge(
  key: string,
  body: { amount: number; currency: 'EUR'; card: string; reference: string },
): Promise<z.infer<typeof Charge>> {
  return answered(payments.post('/charges', { body, idempotencyKey: key, reply: Charge }))
}

export function refund(key: string, id: string): Promise<z.infer<typeof Charge>> {
  return answered(payments.post('/charges/:id/refund', { params: { id }, idempotencyKey: key, reply: Charge }))
}

export function cardOf(token: string): Promise<z.infer<typeof Card>> {
  return answered(payments.get('/cards/:token', { params: { token }, reply: Card }))
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    const { status, answer } = OutboundStatus.is(error) ? error.details : { status: 0, answer: '' }
    const later = status === 409 || status === 429 || status >= 500
    if (status > 0 && !later) throw ProviderRefused({ status, answer }, { cause: error })
    throw ProviderAway({ reason: messageOf(error) }, { cause: error })
  }
}
