/** Webhook endpoints of an app whose owners and receivers are not to be trusted. */
import type { SentWebhooks, WebhookEndpointRow } from '../../packages/tenfold/src/console/index.ts'

export const ENDPOINT = '01a2032e-35d5-7d56-be69-6abee6661852'
export const DELIVERY = '01a2032e-36fe-7a1c-9d3b-9b6f3c1d2e4f'

export function sampleWebhooks(now: number, hostile: string, actions: string[]): SentWebhooks {
  const hour = 3_600_000
  const disabled: WebhookEndpointRow = {
    module: 'shop',
    id: ENDPOINT,
    owner: hostile,
    url: `https://receiver.example/hooks?${hostile}`,
    events: ['order.paid', 'order.shipped'],
    failures: 14,
    failingSince: now - 130 * hour,
    disabledAt: now - 10 * hour,
    disabledWhy: 'Nothing has arrived for 5 days.',
    createdAt: now - 900 * hour,
  }
  const well: WebhookEndpointRow = {
    module: 'shop',
    id: '01a2032e-35d5-7d56-be69-6abee6661853',
    owner: 'u42',
    url: 'https://partner.example/in',
    events: [],
    failures: 0,
    createdAt: now - 400 * hour,
  }
  const deliveries = [
    {
      id: DELIVERY,
      attempts: 10,
      status: 500,
      problem: 'It answered 500.',
      answer: hostile,
      attemptedAt: now - 11 * hour,
    },
    { id: '01a2032e-36fe-7a1c-9d3b-9b6f3c1d2e50', attempts: 0 },
    { id: '01a2032e-36fe-7a1c-9d3b-9b6f3c1d2e51', attempts: 1, status: 204, deliveredAt: now - 200 * hour },
  ].map((one, i) => ({ type: 'order.paid', createdAt: now - (20 + i) * hour, ...one }))
  return {
    endpoints: async () => [disabled, well],
    endpoint: async (_module, id) =>
      id === ENDPOINT ? { endpoint: disabled, deliveries } : { endpoint: well, deliveries: [] },
    enable: async (module, id) => actions.push(`enable ${module} ${id}`) > 0,
    replay: async (module, id, { all }) => {
      actions.push(`replay ${module} ${id} ${all}`)
      return 'j0001'
    },
    retry: async (module, delivery) => {
      actions.push(`send ${module} ${delivery}`)
      return 'j0002'
    },
  }
}
