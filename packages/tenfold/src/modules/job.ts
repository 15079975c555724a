import type { AnySchema, Duration, InputOf, OutputOf } from '../kernel/index.ts'
import type { AnyTx } from '../database/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import type { EventShape } from './contract.ts'
import { currentScope } from './scope.ts'

export interface JobContext<K extends KitTypes, Input> extends ModuleContext<K> {
  readonly input: Input
  /** Identifies the job over all its attempts: use it as an idempotency key towards others. */
  readonly jobId: string
  /** 1 for the first run. */
  readonly attempt: number
  /** True if a failure of this run makes the job a dead letter. */
  readonly lastAttempt: boolean
  /** Says how far it is, from 0 to 1; stored at most once a second. */
  progress(fraction: number): void
  /** Of the input's form, as it was enqueued: see `version`. */
  readonly version: number
  /** What this job came after, in the order of its `after`, with their results. */
  readonly after: readonly { id: string; state: 'done' | 'dead' | 'cancelled'; result: unknown }[]
  /** Runs once in the life of this job and keeps what it gives; later attempts are given that. Names decide.
   *  @example
   *  const charge = await step('charge', () => payments.charge(input.orderId, { idempotencyKey: `${jobId} charge` })) */
  step<T>(name: string, run: () => Promise<T>): Promise<T>
  /** Ends this run at no cost and goes on so much later, in another: code before it runs again, except in steps. The name
   *  defaults to its number among the unnamed sleeps. */
  sleep(duration: Duration, name?: string): Promise<void>
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
export interface JobSettings<Input extends AnySchema> {
  input: Input
  /** How often it runs in all before it becomes a dead letter. Defaults to 10. */
  attempts?: number
  /** The pause before the second run; doubles each time up to `max`, with full jitter. Defaults to 1 s, at most 1 h. */
  backoff?: { base: Duration; max?: Duration }
  /** How long one run may take; then `signal` aborts and the run has failed. Defaults to 1 minute; 0 lets it run for ever. */
  timeout?: Duration
  /** Higher runs first. Defaults to 0. */
  priority?: number
  /** While a job with this key is unfinished, enqueuing another returns the first one's id. */
  unique?: ((input: InputOf<Input>) => string) | UniqueJob<InputOf<Input>>
  /** At most `limit` jobs of the same key run at once, over all processes; without a key: of this job. With `total`, at most so
   *  many of all keys together. */
  concurrency?: { key?: (input: InputOf<Input>) => string; limit: number; total?: number }
  /** At most `max` begin in any time of this length (at most a day), over all processes; with a key: of the same key. */
  rate?: { max: number; per: Duration; key?: (input: InputOf<Input>) => string }
  /** Tenants take turns within a priority, however many jobs each has.
   *  @example tenant: (input) => input.accountId */
  tenant?: (input: InputOf<Input>) => string
  /** What an error means: a pause, `'stop'` for a dead letter at once, or undefined for the usual back-off.
   *  @example retry: (error) => (error instanceof AddressUnknown ? 'stop' : undefined) */
  retry?: (error: unknown, attempt: number) => Duration | 'stop' | undefined
  /** Raise it when older releases could not read the input any more: their workers then leave such jobs to others. Jobs of
   *  lower versions run here, and the schema has to accept them. Defaults to 1. */
  version?: number
  /** How long a finished job is kept; `0`: not at all. Defaults to 7 days. */
  keep?: Duration
  /** Encrypts the input, the result and the steps with a key made from SECRET_KEY. Defaults to false. */
  encrypt?: boolean
  /** Where it runs, if REDIS_URL is set. Jobs on Redis cost Postgres nothing, and may not have `concurrency`. Defaults to what
   *  tenfold.config.ts says, else `postgres`. */
  engine?: 'postgres' | 'redis'
}

export interface UniqueJob<Input> {
  key: (input: Input) => string
  /** The key stays taken so long after the job was enqueued, even if it has finished: at most one in this time. */
  window?: Duration
  /** If a job that has not begun holds the key: leave it as it is, give it the new input, or give it the new input and put it off
   *  by the new `delay`. One that runs is left alone, and the new one comes after it. Defaults to `keep`. */
  onConflict?: 'keep' | 'replace' | 'postpone'
  /** It is put off no further than so long after it was first enqueued. */
  maxWait?: Duration
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

export interface EnqueueOptions {
  /** The job exists if and only if this transaction commits. */
  tx?: AnyTx
  /** Runs no earlier than this long from now. */
  delay?: Duration
  /** Runs no earlier than this. */
  runAt?: Date
  priority?: number
  /** Begins when all of these jobs are done; at most 1000. Their results are in the context's `after`. */
  after?: readonly string[]
  /** When one of them becomes a dead letter: `wait` until it is retried (discarded: be cancelled), `cancel`, or `run` all the
   *  same. Defaults to `wait`. */
  afterFailure?: 'wait' | 'cancel' | 'run'
}

export interface JobDefinition<Module extends string = string, Input = never> {
  readonly kind: 'job'
  readonly module: Module
  /** `<module>.<name>`: permanent, stored with every job. */
  readonly name: string
  readonly options: Omit<JobSettings<AnySchema>, 'unique' | 'concurrency' | 'rate' | 'tenant'> & {
    unique?: ((input: never) => string) | UniqueJob<never>
    concurrency?: { key?: (input: never) => string; limit: number; total?: number }
    rate?: { max: number; per: Duration; key?: (input: never) => string }
    tenant?: (input: never) => string
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
