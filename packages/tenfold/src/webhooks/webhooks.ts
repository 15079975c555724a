/** Webhooks of a module, both ways, signed as in Standard Webhooks (https://www.standardwebhooks.com).
 *
 *    send ── tx ──> message + one delivery for each endpoint ── job ──> POST ──> 2xx: done
 *                                                                 ^      |
 *                                                                 |______|  again by the schedule, over days; then a dead letter
 *
 *  W1  A webhook is sent if and only if the transaction of `send` commits, to each endpoint of its owner that wants its type.
 *  W2  A delivery is tried until it is answered 2xx or the schedule has ended. It can arrive twice: after a crash, or when
 *      its answer was lost. `webhook-id` is then the same, over all attempts and replays, and so is each byte of the body.
 *  W3  Each attempt is signed anew, with every secret of the endpoint that counts at that moment.
 *  W4  Only public addresses are connected to, whatever a name says a moment later, and no redirect is followed.
 *  W5  One endpoint takes at most `concurrency` places of the workers, so that a slow one holds up no other.
 *  W6  There is no order: an attempt that failed comes after what was sent later. The body has the time of `send`.
 *  W7  An endpoint to which nothing has arrived for `disableAfter` is disabled, told by an event, and keeps its deliveries.
 *  W8  A received webhook is handled once for its id, in one transaction with what the handler writes. */
import { schemaOf, toMs, validate, type AnySchema, type Duration, type InputOf } from '../kernel/index.ts'
import type { AnyContract, EventDefinition, Kit, Part, RouteDefinition } from '../modules/index.ts'
import { REPLAY, TABLES } from './administer.ts'
import { clean } from './clean.ts'
import { deliver, type Delivering, type Disabled } from './deliver.ts'
import { dueAgain, dueInReplay, listDeliveries, type Deliveries, type Due, type ReplayOrder } from './deliveries.ts'
import { endpointsOf, type Allowed, type Endpoints } from './endpoints.ts'
import { WebhookInvalid, WebhookType } from './errors.ts'
import { receiver, type ReceiveOptions } from './receive.ts'
import { pauses, SCHEDULE } from './schedule.ts'
import { send, type SendOptions, type Sent } from './send.ts'
import type { Delivery } from './store.ts'

export type WebhookEvents = Readonly<Record<string, AnySchema>>

export interface WebhookOptions<S, E extends WebhookEvents> {
  /** What is sent: types in parts with full stops (`order.paid`), and the schemas of their data. Defaults to none, for modules
   *  that only receive. */
  events?: E
  /** Hosts, or all, that may be private all the same. Defaults to none. As a function: of the module's settings.
   *  @example allowPrivate: ({ ALLOW_PRIVATE_WEBHOOKS }) => ALLOW_PRIVATE_WEBHOOKS */
  allowPrivate?: Allowed['allowPrivate'] | ((settings: S) => Allowed['allowPrivate'])
  /** Endpoints may begin with `http://`. Defaults to where all private addresses are allowed. */
  allowHttp?: boolean
  /** The pauses after each failed attempt; after the last one a delivery is a dead letter. Defaults to those of Standard Webhooks:
   *  5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h. A longer `retry-after` is kept, up to a day. */
  schedule?: readonly Duration[]
  /** Until an endpoint has answered. Defaults to 15 s. */
  timeout?: Duration
  /** Deliveries to one endpoint at a time, over all processes. Defaults to 2. */
  concurrency?: number
  /** An endpoint is disabled when nothing has arrived for `time` (5 days), over at least `attempts` (10) of them. */
  disableAfter?: { time?: Duration; attempts?: number }
  /** How long what was sent and received is kept. Longer than the schedule, so that a repeat is recognised. Defaults to 30 days. */
  keep?: Duration
  /** Defaults to the module's name. */
  userAgent?: string
}

export interface Webhooks<
  Name extends string,
  Uses extends Record<string, AnyContract>,
  T extends object,
  S,
  E extends WebhookEvents,
> {
  /** For `m.build({ parts })`. */
  readonly parts: readonly Part<Name>[]
  readonly endpoints: Endpoints<S, keyof E & string>
  /** Sends with the transaction: it goes out if and only if that commits.
   *  @example await hooks.send('order.paid', { orderId, total }, { tx, owner: userId }) */
  send<Type extends keyof E & string>(type: Type, data: InputOf<E[Type]>, options: SendOptions): Promise<Sent>
  readonly deliveries: Deliveries<keyof E & string>
  /** A route for webhooks that others send: verified over the bytes as they came, then handled once for each `webhook-id`.
   *  @example
   *  const paid = hooks.receive('POST /hooks/payments', {
   *    secret: ({ PAYMENTS_SECRET }) => PAYMENTS_SECRET,
   *    body: z.object({ type: z.literal('charge.paid'), data: Charge }),
   *    handler: ({ event, tx }) => tx.updateTable('orders').set({ paid: true }).where('id', '=', event.data.order).execute(),
   *  }) */
  receive<Body extends AnySchema = AnySchema<unknown, unknown>>(
    path: `POST /${string}`,
    options: ReceiveOptions<Kit<Name, Uses, T, S>, T, S, Body>,
  ): RouteDefinition<Name>
  readonly events: {
    /** An endpoint was disabled by what it answered: tell its owner.
     *  @example m.on(hooks.events.disabled.shape, 'tell-owner', { run: ({ event }) => … }) */
    readonly disabled: EventDefinition<Name, Disabled>
  }
}

const ENOUGH = { time: '5d', attempts: 10 } as const

const DueDelivery = schemaOf<Due>(
  'a delivery',
  ({ delivery, endpoint }) => typeof delivery === 'string' && typeof endpoint === 'string',
)
const Replaying = schemaOf<ReplayOrder>(
  'a replay',
  ({ endpoint, since, until }) =>
    typeof endpoint === 'string' && typeof since === 'number' && typeof until === 'number',
)
const DisabledEndpoint = schemaOf<Disabled>('a disabled endpoint', ({ endpoint }) => typeof endpoint === 'string')

/** Webhooks of a module: what it sends, where to, and what it receives. Its tables come along with its parts.
 *  @example
 *  export const hooks = webhooks(m, { events: { 'order.paid': z.object({ orderId: z.uuid() }) } })
 *  export default m.build({ parts: [...hooks.parts, …] }) */
export function webhooks<
  Name extends string,
  Uses extends Record<string, AnyContract>,
  T extends object,
  S,
  const E extends WebhookEvents = {},
>(m: Kit<Name, Uses, T, S>, options: WebhookOptions<S, E> = {}): Webhooks<Name, Uses, T, S, E> {
  const {
    events = {} as E,
    schedule = SCHEDULE,
    timeout = '15s',
    concurrency = 2,
    userAgent = m.name,
    keep = '30d',
  } = options
  const types = Object.keys(events) as (keyof E & string)[]
  const allowedBy = (settings: S): Allowed => {
    const { allowPrivate: given = false, allowHttp } = options
    const allowPrivate = typeof given === 'function' ? given(settings) : given
    return { allowPrivate, allowHttp: allowHttp ?? allowPrivate === true }
  }
  const disabled = m.event('webhook-disabled', DisabledEndpoint)
  const client = m.client('webhooks', (settings) => ({
    allowPrivate: allowedBy(settings).allowPrivate,
    connectTimeout: Math.min(5000, toMs(timeout)),
    retries: 0,
    // The schedule leaves a failing endpoint alone, and one host may have many.
    circuit: false,
  }))
  const delivering: Delivering = {
    client,
    userAgent,
    timeout,
    disableAfter: { ...ENOUGH, ...options.disableAfter },
    tellDisabled: (endpoint, tx) => disabled.publish(endpoint, { tx }),
  }
  const delivery = m.job('webhook', {
    input: DueDelivery,
    attempts: schedule.length + 1,
    timeout: toMs(timeout) + 15_000,
    engine: 'postgres',
    concurrency: { key: ({ endpoint }) => endpoint, limit: concurrency },
    // To send one again that waits for its next attempt makes it go now.
    unique: { key: ({ delivery: id }) => id, onConflict: 'postpone' },
    retry: pauses(schedule),
    run: (context) => deliver(context, delivering),
  })
  const replay = m.job(REPLAY.name, {
    input: Replaying,
    engine: 'postgres',
    timeout: REPLAY.timeoutMs,
    async run({ input, db }) {
      let sent = 0
      for await (const page of dueInReplay(db, input)) sent += (await delivery.enqueueMany(page)).length
      return { sent }
    },
  })
  const cleaning = m.cron('webhook-clean', '23 3 * * *', { run: ({ db }) => clean(db, keep) })
  return {
    parts: [
      m.migrations(TABLES, new URL('./migrations/', import.meta.url)),
      disabled,
      client,
      delivery,
      replay,
      cleaning,
    ],
    endpoints: endpointsOf(m.name, types, allowedBy),
    async send(type, data, within) {
      const schema = Object.hasOwn(events, type) ? events[type] : undefined
      if (!schema) throw WebhookType({ type, known: types })
      const result = await validate(schema, data)
      if (!result.ok) throw WebhookInvalid({ type, issues: result.issues })
      return send(type, result.value, within, (inputs, tx) => delivery.enqueueMany(inputs, { tx }))
    },
    deliveries: {
      list: async ({ db }, of) => (await listDeliveries(db, of)) as Delivery<keyof E & string>[],
      async retry({ db }, id, within = {}) {
        const due = await dueAgain(db, id)
        if (due) await delivery.enqueue(due, within)
        return due !== undefined
      },
      replay: ({ endpoint, since, until = new Date(), all = false }, within = {}) =>
        replay.enqueue({ endpoint, since: since.getTime(), until: until.getTime(), all }, within),
    },
    receive: (path, receiving) => receiver(m, path, receiving),
    events: { disabled },
  }
}
