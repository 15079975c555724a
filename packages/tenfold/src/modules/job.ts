import type { AnySchema, Duration, InputOf, OutputOf } from '../kernel/index.ts'
import type { AnyJobSettings, EnqueueOptions, JobFacts, JobSettings as QueueJobSettings } from '../queue/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import type { EventShape } from './contract.ts'
import { currentScope } from './scope.ts'

export type { EnqueueOptions }

export interface JobContext<K extends KitTypes, Input> extends ModuleContext<K>, JobFacts<Input> {
  /** Ends this run until such an event was relayed: its payload, or undefined when the time is up. Events since the job was
   *  enqueued count. `match` is a part of the payload; the name defaults to the event's.
   *  @example
   *  const paid = await waitForEvent(billing.events.paid, { match: { orderId }, timeout: '3d' }) */
  waitForEvent<Payload extends AnySchema>(
    event: EventShape<string, Payload>,
    options: { match?: Partial<InputOf<Payload>>; timeout: Duration; name?: string },
  ): Promise<OutputOf<Payload> | undefined>
}

/** What every job may say about itself. */
export interface JobSettings<Input extends AnySchema> extends QueueJobSettings<Input> {
  /** Where it runs, if REDIS_URL is set. Jobs on Redis cost Postgres nothing, and may not have `concurrency`. Defaults to what
   *  tenfold.config.ts says, else `postgres`. */
  engine?: 'postgres' | 'redis'
}

export interface JobOptions<K extends KitTypes, Input extends AnySchema> extends JobSettings<Input> {
  run(context: JobContext<K, OutputOf<Input>>): Promise<unknown>
}

/** A job whose inputs are handled several at a time. */
export interface BatchJobOptions<K extends KitTypes, Input extends AnySchema> extends JobSettings<Input> {
  /** Runs as soon as there are `size` jobs, or the first of them has waited so long. A batch takes one place of the worker. */
  batch: { size: number; wait: Duration }
  /** Gives one result for each item, in their order, or nothing. An Error among them fails its job alone; what is thrown fails
   *  all of them. `signal` is that of the first. */
  runBatch(
    context: ModuleContext<K> & { readonly items: readonly BatchItem<OutputOf<Input>>[] },
  ): Promise<readonly unknown[] | void>
}

export interface BatchItem<Input> {
  readonly input: Input
  readonly jobId: string
  readonly attempt: number
  readonly lastAttempt: boolean
  readonly signal: AbortSignal
}

export interface JobDefinition<Module extends string = string, Input = never> {
  readonly kind: 'job'
  readonly module: Module
  /** `<module>.<name>`: permanent, stored with every job. */
  readonly name: string
  readonly options: AnyJobSettings & {
    engine?: 'postgres' | 'redis'
    batch?: { size: number; wait: Duration }
    run?(context: never): Promise<unknown>
    runBatch?(context: never): Promise<readonly unknown[] | void>
  }
  /** Hands the job to the workers and returns its id. Inside an open transaction `tx` must be given.
   *  @example
   *  await sendReceipt.enqueue({ orderId }, { tx })
   *  await sendReceipt.enqueue({ orderId }, { delay: '10m' }) */
  enqueue(input: Input, options?: EnqueueOptions): Promise<string>
  /** Many at once, in one statement; ids in the order of the inputs. */
  enqueueMany(inputs: readonly Input[], options?: EnqueueOptions): Promise<string[]>
  /** Ends an unfinished job: one that runs has its signal aborted. False if there is none with this id. */
  cancel(jobId: string, reason?: string): Promise<boolean>
}

export function jobDefinition<Module extends string, Input extends AnySchema, K extends KitTypes>(
  module: Module,
  name: string,
  options: JobOptions<K, Input> | BatchJobOptions<K, Input>,
): JobDefinition<Module, InputOf<Input>> {
  const definition: JobDefinition<Module, InputOf<Input>> = {
    kind: 'job',
    module,
    name: `${module}.${name}`,
    options: options as unknown as JobDefinition['options'],
    enqueue: async (input, enqueue = {}) => (await definition.enqueueMany([input], enqueue))[0]!,
    enqueueMany: (inputs, enqueue = {}) =>
      currentScope(`enqueue of ${module}.${name}`).enqueue(definition, inputs, enqueue),
    cancel: (jobId, reason) => currentScope(`cancel of ${module}.${name}`).cancel(jobId, reason),
  }
  return definition
}
