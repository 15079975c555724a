/** The payment provider's HTTP API, as we use it. */
import { z } from 'zod'
import { ProviderAway, ProviderRefused } from './errors.ts'

const Charge = z.object({ id: z.string(), state: z.enum(['succeeded', 'declined', 'refunded']) })
const Card = z.object({ country: z.string() })

/** A lost answer says nothing about what happened. So a request is repeated with the same key, here at once and later by
 *  the job that called; the provider does it one time and gives the first answer again. */
export function paymentProvider(settings: { PAYMENTS_URL: string; PAYMENTS_TIMEOUT_MS: number }, signal: AbortSignal) {
  return {
    charge: (key: string, body: { amount: number; currency: 'EUR'; card: string; reference: string }) =>
      request(Charge, 'POST', '/charges', { key, body }),
    refund: (key: string, chargeId: string) =>
      request(Charge, 'POST', `/charges/${encodeURIComponent(chargeId)}/refund`, { key }),
    card: (token: string) => request(Card, 'GET', `/cards/${encodeURIComponent(token)}`),
  }

  async function request<T>(
    schema: z.ZodType<T>,
    method: string,
    path: string,
    sent: { key?: string; body?: object } = {},
  ) {
    for (let attempt = 1; ; attempt++) {
      try {
        return schema.parse(await once(method, path, sent))
      } catch (error) {
        if (!ProviderAway.is(error) || attempt === 3 || signal.aborted) throw error
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 100 * 2 ** attempt))
      }
    }
  }

  async function once(method: string, path: string, { key, body }: { key?: string; body?: object }): Promise<unknown> {
    let status: number
    let text: string
    try {
      const response = await fetch(new URL(path, settings.PAYMENTS_URL), {
        method,
        headers: { ...(key && { 'idempotency-key': key }), ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(settings.PAYMENTS_TIMEOUT_MS)]),
      })
      status = response.status
      text = await response.text()
    } catch (error) {
      throw ProviderAway({ reason: (error as Error).message }, { cause: error })
    }
    if (status >= 500 || status === 409 || status === 429) throw ProviderAway({ reason: `status ${status}` })
    if (status >= 400) throw ProviderRefused({ status, answer: text.slice(0, 200) })
    return JSON.parse(text)
  }
}
