/** Jobs, subscriptions and crons: all of them run as jobs of the queue, in their module's context. */
import { validate, type AnySchema, type Issue, type TenfoldError } from '../kernel/index.ts'
import type { Positions, RepeatWatch } from '../database/index.ts'
import { jobNameOf, type CronTick } from '../cron/index.ts'
import type { EventDelivery, JobHandler, RetryOptions, RunningJob, Subscriber } from '../queue/index.ts'
import { toMs, type Duration } from '../kernel/index.ts'
import {
  runInScope,
  type CronDefinition,
  type JobDefinition,
  type Module,
  type Scope,
  type SubscriptionDefinition,
} from '../modules/index.ts'
import type { ContextOf } from './contexts.ts'
import { EventInvalid, JobInputInvalid } from './errors.ts'

type Run = (context: object) => Promise<unknown>

/** What workers run, by the name that the queue stores. */
export function handlersOf(
  modules: readonly Module[],
  scope: Scope,
  contextOf: ContextOf,
  positions?: Positions,
  watch?: RepeatWatch,
): Map<string, JobHandler> {
  const handlers = new Map<string, JobHandler>()
  for (const part of modules.flatMap((module) => module.parts)) {
    if (part.kind === 'job') handlers.set(part.name, jobHandler(part, contextOf, watch))
    if (part.kind === 'subscription') handlers.set(part.name, subscriptionHandler(part, contextOf, watch))
    if (part.kind === 'cron') handlers.set(jobNameOf(part.name), cronHandler(part, contextOf))
  }
  const started = (handler: JobHandler): JobHandler => {
    return (job) => {
      // Whoever enqueued, published or ticked had committed before this job was claimed: it reads all that they have written.
      positions?.acceptNow()
      return runInScope(scope, () => handler(job))
    }
  }
  return new Map([...handlers].map(([name, handler]) => [name, started(handler)]))
}

function jobHandler(definition: JobDefinition, contextOf: ContextOf, watch?: RepeatWatch): JobHandler {
  const run = definition.options.run as Run
  return async (job) => {
    const input = await checked(definition.options.input, job.payload, (issues) =>
      JobInputInvalid({ job: job.name, issues }),
    )
    watch?.given('the input of the job', input)
    return run(Object.assign(contextOf(definition.module, job.signal), factsOf(job), { input }))
  }
}

function subscriptionHandler(
  definition: SubscriptionDefinition,
  contextOf: ContextOf,
  watch?: RepeatWatch,
): JobHandler {
  const run = definition.options.run as Run
  return async (job) => {
    const delivery = job.payload as EventDelivery
    const event = await checked(definition.shape.payload, delivery.payload, (issues) =>
      EventInvalid({ event: delivery.event, issues }),
    )
    watch?.given('the event', event)
    return run(Object.assign(contextOf(definition.module, job.signal), factsOf(job), { event }))
  }
}

function cronHandler(definition: CronDefinition, contextOf: ContextOf): JobHandler {
  const run = definition.options.run as Run
  return async (job) => {
    const { fireAt } = job.payload as CronTick
    return run(Object.assign(contextOf(definition.module, job.signal), factsOf(job), { fireAt: new Date(fireAt) }))
  }
}

function factsOf(job: RunningJob): object {
  return {
    jobId: job.id,
    attempt: job.attempt,
    lastAttempt: job.lastAttempt,
    progress: (fraction: number) => job.progress(fraction),
  }
}

export async function checked(
  schema: AnySchema,
  value: unknown,
  fail: (issues: Issue[]) => TenfoldError,
): Promise<unknown> {
  const result = await validate(schema, value)
  if (!result.ok) throw fail(result.issues)
  return result.value
}

/** Who is told of which event. The map covers the whole app: whichever process relays an event decides for all. */
export function subscriptionsOf(modules: readonly Module[]): Map<string, Subscriber[]> {
  const subscriptions = new Map<string, Subscriber[]>()
  for (const part of modules.flatMap((module) => module.parts)) {
    if (part.kind !== 'subscription') continue
    const subscribers = subscriptions.get(part.shape.name) ?? []
    subscriptions.set(part.shape.name, [...subscribers, { job: part.name, ...retriesOf(part.options) }])
  }
  return subscriptions
}

interface Retries {
  attempts?: number
  timeout?: Duration
  backoff?: { base: Duration; max?: Duration }
}

export function retriesOf({ attempts, timeout, backoff }: Retries): RetryOptions {
  return {
    ...(attempts !== undefined && { maxAttempts: attempts }),
    ...(timeout !== undefined && { timeoutMs: toMs(timeout) }),
    ...(backoff && {
      backoff: { baseMs: toMs(backoff.base), ...(backoff.max !== undefined && { maxMs: toMs(backoff.max) }) },
    }),
  }
}
