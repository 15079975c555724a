import type { AnySchema, Duration, InputOf, OutputOf } from '../kernel/index.ts'
import type { AnyTx } from '../database/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
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
}

export interface JobOptions<K extends KitTypes, Input extends AnySchema> {
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
  unique?: (input: InputOf<Input>) => string
  /** At most `limit` jobs of the same key run at once, over all processes. */
  concurrency?: { key: (input: InputOf<Input>) => string; limit: number }
  /** Where it runs, if REDIS_URL is set. Jobs on Redis cost Postgres nothing, and may not have `concurrency`. Defaults to what
   *  tenfold.config.ts says, else `postgres`. */
  engine?: 'postgres' | 'redis'
  run(context: JobContext<K, OutputOf<Input>>): Promise<unknown>
}

export interface EnqueueOptions {
  /** The job exists if and only if this transaction commits. */
  tx?: AnyTx
  /** Runs no earlier than this long from now. */
  delay?: Duration
  /** Runs no earlier than this. */
  runAt?: Date
  priority?: number
}

export interface JobDefinition<Module extends string = string, Input = never> {
  readonly kind: 'job'
  readonly module: Module
  /** `<module>.<name>`: permanent, stored with every job. */
  readonly name: string
  readonly options: Omit<JobOptions<KitTypes, AnySchema>, 'run' | 'unique' | 'concurrency'> & {
    unique?: (input: never) => string
    concurrency?: { key: (input: never) => string; limit: number }
    run(context: never): Promise<unknown>
  }
  /** Hands the job to the workers and returns its id. Inside an open transaction `tx` must be given.
   *  @example
   *  await sendReceipt.enqueue({ orderId }, { tx })
   *  await sendReceipt.enqueue({ orderId }, { delay: '10m' }) */
  enqueue(input: Input, options?: EnqueueOptions): Promise<string>
  /** Many at once, in one statement; ids in the order of the inputs. */
  enqueueMany(inputs: readonly Input[], options?: EnqueueOptions): Promise<string[]>
}

export function jobDefinition<Module extends string, Input extends AnySchema, K extends KitTypes>(
  module: Module,
  name: string,
  options: JobOptions<K, Input>,
): JobDefinition<Module, InputOf<Input>> {
  const definition: JobDefinition<Module, InputOf<Input>> = {
    kind: 'job',
    module,
    name: `${module}.${name}`,
    options: options as unknown as JobDefinition['options'],
    enqueue: async (input, enqueue = {}) => (await definition.enqueueMany([input], enqueue))[0]!,
    enqueueMany: (inputs, enqueue = {}) =>
      currentScope(`enqueue of ${module}.${name}`).enqueue(definition, inputs, enqueue),
  }
  return definition
}
