/** What definitions do when they are called, in one running instance. */
import { openTransactions } from '../database/index.ts'
import type { Cache, Caches } from '../cache/index.ts'
import type { Analytics } from '../analytics/index.ts'
import { checkInput, EnqueueOutsideTransaction, JobUnknown, newJob, type Queue } from '../queue/index.ts'
import { OutboundSetting, setWanted, type Client, type Outbound } from '../outbound/index.ts'
import type { PubSub } from '../pubsub/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import {
  runInScope,
  type CacheDefinition,
  type ClientDefinition,
  type MetricDefinition,
  nameOf,
  type Module,
  type Scope,
} from '../modules/index.ts'
import type { ContextOf } from './contexts.ts'
import { EventInvalid, LiveInvalid } from './errors.ts'
import type { Live } from './live.ts'
import { checked } from './jobs.ts'
import { createLoaders } from './loaders.ts'
import type { Resources } from './resources.ts'
import { createTrack } from './analytics.ts'
import { socketReply } from './sockets.ts'

export interface ScopeParts {
  /** All modules of the app, also those that run elsewhere. */
  all: readonly Module[]
  pubsub: PubSub
  live: Live
  queue: Queue
  caches: Caches
  outbound: Outbound
  resources: Resources
  analytics: Analytics
  telemetry: Telemetry
  /** In development and tests, what would go wrong in production is an error. */
  strict: boolean
  contextOf: ContextOf
}

export function createScope(modules: readonly Module[], parts: ScopeParts): Scope {
  const { queue, telemetry, strict } = parts
  const jobs = new Set(parts.all.flatMap((module) => module.parts.filter(({ kind }) => kind === 'job').map(nameOf)))
  const caches = new Map<CacheDefinition<string, any, any>, Cache<unknown, unknown>>()
  const clients = new Map<ClientDefinition, Client>()
  const metrics = new Map<string, (value: number, dimensions: Record<string, string>) => void>()
  const outside = telemetry.metrics.counter('tenfold.enqueue.outside_transaction', {
    help: 'Jobs enqueued without `tx` while a transaction was open.',
    unit: '{job}',
  })

  const scope: Scope = {
    async enqueue(job, inputs, { tx, ...options }) {
      if (!jobs.has(job.name)) throw JobUnknown({ name: job.name })
      if (!tx && openTransactions().length > 0) {
        if (strict) throw EnqueueOutsideTransaction({ name: job.name })
        outside.add(inputs.length, { job: job.name })
      }
      for (const input of inputs) await checkInput(job.name, job.options.input, input)
      return queue.enqueue(
        inputs.map((input) => newJob(job.name, job.options, input, options)),
        tx,
      )
    },
    cancel: (jobId, reason) => queue.cancel(jobId, reason),
    async publish(event, payloads, tx, key) {
      const { name, payload: schema } = event.shape
      for (const payload of payloads) await checked(schema, payload, (issues) => EventInvalid({ event: name, issues }))
      await queue.publish(
        payloads.map((payload) => ({ name, payload, ...(key !== undefined && { key }) })),
        tx,
      )
    },
    cached: (definition) => caches.get(definition)!,
    loader: createLoaders(telemetry, parts.contextOf),
    resource: (definition) => parts.resources.get(definition),
    client: (definition) => clients.get(definition) ?? unlisted(definition),
    inherit: (wanted) => setWanted(telemetry.current(), wanted),
    track: createTrack(parts),
    async broadcast({ name, options }, key, message, tx) {
      await checked(options.message, message, (issues) => LiveInvalid({ live: name, issues }))
      await parts.pubsub.publish(`${name}:${key}`, message, tx ? { tx } : {})
    },
    follow: ({ name }, key, headers) => parts.live.follow(`${name}:${key}`, headers),
    talk: (module, socket, context) => socketReply(module, socket, context, { ...parts, scope }),
    record: (metric, value, dimensions) => metrics.get(metric.name)!(value, dimensions),
  }
  for (const part of modules.flatMap((module) => module.parts)) {
    if (part.kind === 'cache') caches.set(part, defineCache(part, parts, scope))
    if (part.kind === 'client') clients.set(part, openClient(part, parts))
    if (part.kind === 'metric') metrics.set(part.name, recorderOf(part, telemetry))
  }
  return scope
}

function defineCache(
  definition: CacheDefinition<string, any, any>,
  parts: ScopeParts,
  scope: Scope,
): Cache<unknown, unknown> {
  const { load, loadMany, tags, ...options } = definition.options
  const run = load as (key: unknown, context: object) => Promise<unknown>
  const runMany = loadMany as ((keys: readonly unknown[], context: object) => Promise<readonly unknown[]>) | undefined
  return parts.caches.define<unknown, unknown>({
    ...options,
    name: definition.name,
    ...(tags && { tags: tags as (value: unknown, key: unknown) => string[] }),
    load: (key, signal) => runInScope(scope, () => run(key, parts.contextOf(definition.module, signal))),
    ...(runMany && {
      loadMany: (keys: readonly unknown[], signal: AbortSignal) =>
        runInScope(scope, () => runMany(keys, parts.contextOf(definition.module, signal))),
    }),
  })
}

function openClient(definition: ClientDefinition, { outbound, contextOf }: ScopeParts): Client {
  const { settings } = contextOf(definition.module, AbortSignal.abort()) as { settings: unknown }
  return outbound.client({ ...definition.settingsOf(settings), name: definition.name })
}

function unlisted({ name }: ClientDefinition): never {
  throw OutboundSetting({ client: name, problem: 'it is not among the parts of its module' })
}

function recorderOf(
  { name, options }: MetricDefinition,
  { metrics }: Telemetry,
): (value: number, dimensions: Record<string, string>) => void {
  const { kind, help, unit = '1' } = options
  if (kind === 'distribution') {
    const histogram = metrics.histogram(name, { help, unit })
    return (value, dimensions) => histogram.record(value, dimensions)
  }
  const counter = metrics.counter(name, { help, unit })
  if (kind === 'counter') return (value, dimensions) => counter.add(value, dimensions)
  return (value, dimensions) => counter.add(1, { ...dimensions, outcome: value ? 'success' : 'failure' })
}
