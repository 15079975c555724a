/** Webhooks that others send: verified, then handled once in a transaction of the module. */
import { validate, type AnySchema, type Issue, type OutputOf } from '../kernel/index.ts'
import type { Tx } from '../database/index.ts'
import type { RouteLimit } from '../http/index.ts'
import type { AnyContract, ContextOf, Kit, RouteDefinition } from '../modules/index.ts'
import { WebhookBody } from './errors.ts'
import { verifyWebhook, type Incoming } from './sign.ts'
import type { Asks } from './store.ts'

export interface ReceiveOptions<K, T, S, Body extends AnySchema> {
  /** What the sender signs with; several while one is being changed. Of the module's settings. */
  secret(settings: S): string | readonly string[] | undefined
  /** Of the parsed body. Defaults to any JSON. */
  body?: Body
  /** For senders with a signature of their own: gives the id of what was signed, or throws. Defaults to Standard Webhooks.
   *  @example verify: ([secret], { headers, body }) => stripe.webhooks.constructEvent(body, headers['stripe-signature'], secret).id */
  verify?(secrets: readonly string[], incoming: Incoming & { body: Buffer }): string | Promise<string>
  /** Runs once for each id. What is written with `tx` is written if and only if the webhook counts as handled; when it
   *  throws, nothing is, and the sender tries again. Work that takes longer belongs into a job, enqueued with `tx`. */
  handler(
    context: ContextOf<K> & { readonly event: OutputOf<Body>; readonly webhookId: string; readonly tx: Tx<T> },
  ): Promise<unknown>
  limit?: RouteLimit | readonly RouteLimit[]
  /** In bytes. Defaults to 1 MiB. */
  bodyLimit?: number
  /** One line for the API reference. */
  summary?: string
}

export function receiver<
  Name extends string,
  Uses extends Record<string, AnyContract>,
  T extends object,
  S,
  Body extends AnySchema,
>(
  m: Kit<Name, Uses, T, S>,
  path: `POST /${string}`,
  options: ReceiveOptions<Kit<Name, Uses, T, S>, T, S, Body>,
): RouteDefinition<Name> {
  const { secret, body: schema, verify = verifyWebhook, handler, ...route } = options
  return m.route(path, {
    auth: 'public',
    raw: true,
    ...route,
    async handler(context) {
      const { request, settings, db } = context
      const body = request.rawBody ?? Buffer.alloc(0)
      const secrets = [secret(settings) ?? []].flat()
      const webhookId = await verify(secrets, { headers: request.headers, body })
      const event = await eventOf(schema, body)
      await db.transaction(async (tx) => {
        if (!(await isFirst(tx, path, webhookId))) return
        await handler(Object.assign(context, { event, webhookId, tx }) as unknown as Parameters<typeof handler>[0])
      })
    },
  })
}

/** Waits for one of the same id that is being handled at this moment, and counts if that fails. */
async function isFirst(tx: Asks, route: string, id: string): Promise<boolean> {
  const { rowCount } = await tx.sql`
    insert into webhook_received (route, id) values (${route}, ${id}) on conflict do nothing`
  return rowCount > 0
}

async function eventOf<Body extends AnySchema>(schema: Body | undefined, body: Buffer): Promise<OutputOf<Body>> {
  const refuse = (issues: Issue[]): Error => WebhookBody({ issues: issues.slice(0, 20) })
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    throw refuse([{ path: '', message: 'not JSON' }])
  }
  if (!schema) return value as OutputOf<Body>
  const result = await validate(schema, value)
  if (!result.ok) throw refuse(result.issues)
  return result.value
}
