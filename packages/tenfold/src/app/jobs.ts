/** Jobs, subscriptions and crons: all of them run as jobs of the queue, in their module's context. */
import { sql } from 'kysely'
import { validate, type AnySchema, type Issue, type TenfoldError } from '../kernel/index.ts'
import type { Db, Positions, RepeatWatch } from '../database/index.ts'
import { jobNameOf, type CronTick } from '../cron/index.ts'
import {
  checkInput,
  factsOf,
  policyOf,
  retriesOf,
  type BatchWork,
  type EventDelivery,
  type JobHandler,
  type JobWork,
  type RunningJob,
  type Subscriber,
} from '../queue/index.ts'
import { toMs, type Duration } from '../kernel/index.ts'
import {
  runInScope,
  type CronDefinition,
  type EventShape,
  type JobDefinition,
  type Module,
  type Scope,
  type SubscriptionDefinition,
} from '../modules/index.ts'
import type { ContextOf } from './contexts.ts'
import { EventInvalid } from './errors.ts'

type Run = (context: object) => Promise<unknown>

/** What workers run, by the name that the queue stores. */
export function handlersOf(
  modules: readonly Module[],
  scope: Scope,
  contextOf: ContextOf,
  positions?: Positions,
  watch?: RepeatWatch,
): Map<string, JobWork> {
  const handlers = new Map<string, JobWork>()
  for (const part of modules.flatMap((module) => module.parts)) {
    if (part.kind === 'job') handlers.set(part.name, jobWork(part, contextOf, watch))
    if (part.kind === 'subscription')
      handlers.set(part.name, { run: subscriptionHandler(part, contextOf, watch), ...policyOf(part.options) })
    if (part.kind === 'cron') handlers.set(jobNameOf(part.name), { run: cronHandler(part, contextOf) })
  }
  const start = <T>(fn: () => Promise<T>): Promise<T> => {
    // Whoever enqueued, published or ticked had committed before this job was claimed: it reads all that they have written.
    positions?.acceptNow()
    return runInScope(scope, fn)
  }
  const started = (work: JobWork): JobWork =>
    'batch' in work
      ? { ...work, runBatch: (jobs) => start(() => work.runBatch(jobs)) }
      : {
          ...work,
          run: (job) =>
            start(() => {
              scope.inherit({ signal: job.signal, msLeft: () => Infinity })
              return work.run(job)
            }),
        }
  return new Map([...handlers].map(([name, work]) => [name, started(work)]))
}

function jobWork(definition: JobDefinition, contextOf: ContextOf, watch?: RepeatWatch): JobWork {
  const { batch } = definition.options
  const common = policyOf(definition.options)
  if (!batch) return { ...common, run: jobHandler(definition, contextOf, watch) }
  const { size, wait } = batch
  return { ...common, batch: { size, waitMs: toMs(wait) }, runBatch: batchHandler(definition, contextOf, watch) }
}

/** An input that does not fit fails its own job; the others are handled. */
function batchHandler(definition: JobDefinition, contextOf: ContextOf, watch?: RepeatWatch): BatchWork['runBatch'] {
  const run = definition.options.runBatch as (context: object) => Promise<readonly unknown[] | void>
  return async (jobs) => {
    const results: unknown[] = jobs.map(() => undefined)
    const fitting: { at: number; item: object }[] = []
    for (const [at, job] of jobs.entries()) {
      const { id: jobId, attempt, lastAttempt, signal } = job
      try {
        const input = await inputOf(definition, job)
        fitting.push({ at, item: { input, jobId, attempt, lastAttempt, signal } })
      } catch (error) {
        results[at] = error
      }
    }
    if (fitting.length === 0) return results
    const items = fitting.map(({ item }) => item)
    watch?.given('the inputs of the batch', items)
    const given = await run(Object.assign(contextOf(definition.module, jobs[fitting[0]!.at]!.signal), { items }))
    fitting.forEach(({ at }, i) => (results[at] = given?.[i]))
    return results
  }
}

function inputOf(definition: JobDefinition, job: RunningJob): Promise<unknown> {
  return checkInput(job.name, definition.options.input, job.payload)
}

function jobHandler(definition: JobDefinition, contextOf: ContextOf, watch?: RepeatWatch): JobHandler {
  const run = definition.options.run as Run
  return async (job) => {
    const input = await inputOf(definition, job)
    watch?.given('the input of the job', input)
    return run(Object.assign(contextOf(definition.module, job.signal), contextOfRun(job), { input }))
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
    const context = Object.assign(contextOf(definition.module, job.signal), contextOfRun(job), { event })
    if (!definition.options.once) return run(context)
    const { db } = context as unknown as { db: Db<object> }
    return db.transaction(async (tx) => {
      const { rows } = await sql<{ first: boolean }>`
        select tenfold.handle_once(${job.name}, ${delivery.eventId}::bigint) as first`.execute(tx)
      return rows[0]!.first ? run(Object.assign(context, { tx })) : undefined
    })
  }
}

function cronHandler(definition: CronDefinition, contextOf: ContextOf): JobHandler {
  const run = definition.options.run as Run
  return async (job) => {
    const { fireAt } = job.payload as CronTick
    return run(Object.assign(contextOf(definition.module, job.signal), contextOfRun(job), { fireAt: new Date(fireAt) }))
  }
}

function contextOfRun(job: RunningJob): object {
  return {
    ...factsOf(job),
    async waitForEvent(
      shape: EventShape,
      { match, timeout, name }: { match?: unknown; timeout: Duration; name?: string },
    ) {
      const wanted = { event: shape.name, timeoutMs: toMs(timeout), ...(match !== undefined && { match }) }
      const arrived = await job.waitForEvent({ ...wanted, ...(name !== undefined && { name }) })
      if (!arrived) return undefined
      return checked(shape.payload, arrived.payload, (issues) => EventInvalid({ event: shape.name, issues }))
    },
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
    subscriptions.set(part.shape.name, [
      ...subscribers,
      { job: part.name, ...(part.options.ordered && { ordered: true }), ...retriesOf(part.options) },
    ])
  }
  return subscriptions
}
