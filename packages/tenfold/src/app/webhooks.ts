/** The webhooks of all modules, as the console shows them. */
import type { SentWebhooks, WebhookDeliveryRow, WebhookEndpointRow } from '../console/index.ts'
import type { Database } from '../database/index.ts'
import type { Queue } from '../queue/index.ts'
import { administerWebhooks, hasWebhooks, type Delivery, type Endpoint, type WebhookAdmin } from '../webhooks/index.ts'
import type { App } from './define.ts'

const DELIVERIES = 100

export function webhooksOf(app: App, database: Database, queue: Pick<Queue, 'enqueue'>): SentWebhooks {
  const admins = new Map<string, WebhookAdmin>(
    app.modules
      .filter(hasWebhooks)
      .map(({ name }) => [
        name,
        administerWebhooks(name, database.module(name), async (job) => (await queue.enqueue([job]))[0]!),
      ]),
  )
  return {
    async endpoints() {
      const all = await Promise.all(
        [...admins].map(async ([module, admin]) => (await admin.endpoints()).map((one) => endpointRow(module, one))),
      )
      return all.flat()
    },
    async endpoint(module, id) {
      const admin = admins.get(module)
      const endpoint = await admin?.endpoint(id)
      if (!admin || !endpoint) return undefined
      const deliveries = await admin.deliveries(id, DELIVERIES)
      return { endpoint: endpointRow(module, endpoint), deliveries: deliveries.map(deliveryRow) }
    },
    enable: async (module, id) => (await admins.get(module)?.enable(id)) ?? false,
    async replay(module, id, { since, all }) {
      const admin = admins.get(module)
      if (!admin || !(await admin.endpoint(id))) return undefined
      return admin.replay({ endpoint: id, since, until: Date.now(), all })
    },
    retry: async (module, delivery) => admins.get(module)?.retry(delivery),
  }
}

function endpointRow(module: string, endpoint: Endpoint): WebhookEndpointRow {
  const { failingSince, disabledAt, disabledWhy, createdAt, ...row } = endpoint
  return {
    module,
    ...row,
    ...(failingSince && { failingSince: failingSince.getTime() }),
    ...(disabledAt && { disabledAt: disabledAt.getTime() }),
    ...(disabledWhy !== undefined && { disabledWhy }),
    createdAt: createdAt.getTime(),
  }
}

function deliveryRow({ id, type, attempts, status, problem, answer, ...times }: Delivery): WebhookDeliveryRow {
  const { attemptedAt, deliveredAt, createdAt } = times
  return {
    id,
    type,
    attempts,
    ...(status !== undefined && { status }),
    ...(problem !== undefined && { problem }),
    ...(answer !== undefined && { answer }),
    ...(attemptedAt && { attemptedAt: attemptedAt.getTime() }),
    ...(deliveredAt && { deliveredAt: deliveredAt.getTime() }),
    createdAt: createdAt.getTime(),
  }
}
