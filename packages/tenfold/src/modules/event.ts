import type { AnySchema, InputOf, OutputOf } from '../kernel/index.ts'
import type { AnyTx, Tx } from '../database/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import type { EventShape } from './contract.ts'
import type { JobSettings } from './job.ts'
import { currentScope } from './scope.ts'

/** An event that this module publishes, through the outbox: at least once to each subscriber. */
export interface EventDefinition<Module extends string = string, Payload = never> {
  readonly kind: 'event'
  readonly module: Module
  readonly shape: EventShape<Module>
  /** Publishes with the transaction: it is told if and only if the transaction commits. Subscribers that are `ordered` get the
   *  events of one key one after another. */
  publish(payload: Payload, within: { tx: AnyTx; key?: string }): Promise<void>
}

export function eventDefinition<Module extends string, Payload extends AnySchema>(
  shape: EventShape<Module, Payload>,
): EventDefinition<Module, InputOf<Payload>> {
  const definition: EventDefinition<Module, InputOf<Payload>> = {
    kind: 'event',
    module: shape.module,
    shape,
    publish: (payload, { tx, key }) => currentScope(`publish of ${shape.name}`).publish(definition, [payload], tx, key),
  }
  return definition
}

export interface SubscriptionContext<K extends KitTypes, Payload> extends ModuleContext<K> {
  readonly event: Payload
  /** Identifies the delivery over all its attempts: use it to recognise a repeat. */
  readonly jobId: string
  readonly attempt: number
}

export interface SubscriptionSettings<Payload extends AnySchema> extends Pick<
  JobSettings<Payload>,
  'attempts' | 'backoff' | 'timeout' | 'engine' | 'retry'
> {
  /** The events of one key (see `publish`) one after another, in their order; a failed one holds up those behind it until it is
   *  done or dead. */
  ordered?: boolean
}

export type SubscriptionOptions<K extends KitTypes, Payload extends AnySchema> = SubscriptionSettings<Payload> &
  (
    | { once?: false; run(context: SubscriptionContext<K, OutputOf<Payload>>): Promise<unknown> }
    | {
        /** Runs in a transaction of this module, `tx`, which also notes that the event was handled: what is written with `tx` is
         *  written exactly once, however often the event is delivered within 30 days. */
        once: true
        run(context: SubscriptionContext<K, OutputOf<Payload>> & { readonly tx: Tx<K['tables']> }): Promise<unknown>
      }
  )

/** What this module does on an event, its own or one of a contract in `uses`. Runs as a job, so it is retried. */
export interface SubscriptionDefinition<Module extends string = string> {
  readonly kind: 'subscription'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly shape: EventShape
  readonly options: SubscriptionSettings<AnySchema> & { once?: boolean; run(context: never): Promise<unknown> }
}
