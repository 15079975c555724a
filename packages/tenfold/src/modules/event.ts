import type { AnySchema, InputOf, OutputOf } from '../kernel/index.ts'
import type { AnyTx } from '../database/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import type { EventShape } from './contract.ts'
import type { JobOptions } from './job.ts'
import { currentScope } from './scope.ts'

/** An event that this module publishes, through the outbox: at least once to each subscriber. */
export interface EventDefinition<Module extends string = string, Payload = never> {
  readonly kind: 'event'
  readonly module: Module
  readonly shape: EventShape<Module>
  /** Publishes with the transaction: it is told if and only if the transaction commits. */
  publish(payload: Payload, within: { tx: AnyTx }): Promise<void>
}

export function eventDefinition<Module extends string, Payload extends AnySchema>(
  shape: EventShape<Module, Payload>,
): EventDefinition<Module, InputOf<Payload>> {
  const definition: EventDefinition<Module, InputOf<Payload>> = {
    kind: 'event',
    module: shape.module,
    shape,
    publish: (payload, { tx }) => currentScope(`publish of ${shape.name}`).publish(definition, [payload], tx),
  }
  return definition
}

export interface SubscriptionContext<K extends KitTypes, Payload> extends ModuleContext<K> {
  readonly event: Payload
  /** Identifies the delivery over all its attempts: use it to recognise a repeat. */
  readonly jobId: string
  readonly attempt: number
}

export interface SubscriptionOptions<K extends KitTypes, Payload extends AnySchema> extends Pick<
  JobOptions<K, Payload>,
  'attempts' | 'backoff' | 'timeout' | 'engine'
> {
  run(context: SubscriptionContext<K, OutputOf<Payload>>): Promise<unknown>
}

/** What this module does on an event, its own or one of a contract in `uses`. Runs as a job, so it is retried. */
export interface SubscriptionDefinition<Module extends string = string> {
  readonly kind: 'subscription'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly shape: EventShape
  readonly options: Omit<SubscriptionOptions<KitTypes, AnySchema>, 'run'> & { run(context: never): Promise<unknown> }
}
