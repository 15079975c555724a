/** The standard OTEL_ variables, read once and checked as a whole.
 *  https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 *  https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
import { BadOtelSetting } from '../errors.ts'
import type { Signal } from './messages.ts'

export type Variables = Readonly<Record<string, string | undefined>>

export interface SignalSettings {
  url: string
  headers: Record<string, string>
  protocol: 'http/protobuf' | 'http/json'
  timeoutMs: number
  compression: 'gzip' | 'none'
  /** How often what has gathered is sent. */
  everyMs: number
  /** How many spans or lines may wait; what comes on top is dropped and counted. */
  maxWaiting: number
  /** How many go with one request. */
  maxBatch: number
}

export interface SamplerSettings {
  /** Whether the decision of a caller is followed. */
  parent: boolean
  /** Of the traces that begin here, from 0 to 1. */
  ratio: number
}

export interface OtelSettings {
  /** Undefined: the signal is not exported. */
  signals: { [S in Signal]?: SignalSettings }
  /** Undefined: every trace is exported. */
  sampler: SamplerSettings | undefined
  /** Of OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. */
  resource: Record<string, string>
  temporality: 'cumulative' | 'delta'
}

const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']

/** Nothing is exported unless an endpoint or an exporter is named. Throws TF_OTEL_SETTING with all problems. */
export function otelSettings(variables: Variables): OtelSettings {
  const reader = new Reader(variables)
  const settings: OtelSettings = {
    signals: {},
    sampler: samplerOf(reader),
    resource: resourceOf(reader),
    temporality:
      reader.oneOf('OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', ['cumulative', 'delta', 'lowmemory']) ===
        undefined || /^cumulative$/i.test(reader.text('OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE') ?? '')
        ? 'cumulative'
        : 'delta',
  }
  const off = reader.oneOf('OTEL_SDK_DISABLED', ['true', 'false']) === 'true'
  for (const signal of off ? [] : SIGNALS) {
    const found = signalOf(signal, reader)
    if (found) settings.signals[signal] = found
  }
  if (reader.problems.length > 0) throw BadOtelSetting({ problems: reader.problems })
  return settings
}

function signalOf(signal: Signal, reader: Reader): SignalSettings | undefined {
  const own = signal.toUpperCase()
  // `prometheus` is served anyway; of several exporters, ours is the one that counts.
  const exporters = (reader.text(`OTEL_${own}_EXPORTER`) ?? '').split(',').map((one) => one.trim().toLowerCase())
  const unknown = exporters.find((one) => one && !['otlp', 'none', 'prometheus'].includes(one))
  if (unknown) reader.problem(`OTEL_${own}_EXPORTER`, `is '${unknown}': it may be otlp or none`)
  const endpoint = reader.url(`OTEL_EXPORTER_OTLP_${own}_ENDPOINT`)
  const base = reader.url('OTEL_EXPORTER_OTLP_ENDPOINT')
  const wanted = exporters.includes('otlp') || (exporters[0] === '' && (endpoint ?? base) !== undefined)
  if (!wanted) return undefined

  const either = (name: string): string => {
    const specific = `OTEL_EXPORTER_OTLP_${own}_${name}`
    return reader.text(specific) === undefined ? `OTEL_EXPORTER_OTLP_${name}` : specific
  }
  const protocol = reader.oneOf(either('PROTOCOL'), ['http/protobuf', 'http/json', 'grpc'])
  if (protocol === 'grpc') {
    reader.problem(
      either('PROTOCOL'),
      'is grpc, which is not spoken here: use http/protobuf, with port 4318 of the collector',
    )
  }
  const batch = { traces: 'BSP', metrics: 'BSP', logs: 'BLRP' }[signal]
  return {
    url: endpoint ?? `${(base ?? 'http://localhost:4318').replace(/\/$/, '')}/v1/${signal}`,
    headers: reader.pairs(either('HEADERS')),
    protocol: protocol === 'http/json' ? 'http/json' : 'http/protobuf',
    timeoutMs: reader.count(either('TIMEOUT'), 10_000, 1),
    compression: reader.oneOf(either('COMPRESSION'), ['gzip', 'none']) === 'gzip' ? 'gzip' : 'none',
    everyMs:
      signal === 'metrics'
        ? reader.count('OTEL_METRIC_EXPORT_INTERVAL', 60_000, 100)
        : reader.count(`OTEL_${batch}_SCHEDULE_DELAY`, signal === 'logs' ? 1000 : 5000, 10),
    maxWaiting: reader.count(`OTEL_${batch}_MAX_QUEUE_SIZE`, 2048, 1),
    maxBatch: reader.count(`OTEL_${batch}_MAX_EXPORT_BATCH_SIZE`, 512, 1),
  }
}

function samplerOf(reader: Reader): SamplerSettings | undefined {
  const name = reader.oneOf('OTEL_TRACES_SAMPLER', [
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ])
  if (name === undefined) return undefined
  const parent = name.startsWith('parentbased_')
  if (name.endsWith('always_on')) return { parent, ratio: 1 }
  if (name.endsWith('always_off')) return { parent, ratio: 0 }
  const ratio = Number(reader.text('OTEL_TRACES_SAMPLER_ARG') ?? 1)
  if (!(ratio >= 0 && ratio <= 1)) reader.problem('OTEL_TRACES_SAMPLER_ARG', 'must be a number from 0 to 1')
  return { parent, ratio }
}

function resourceOf(reader: Reader): Record<string, string> {
  const resource = reader.pairs('OTEL_RESOURCE_ATTRIBUTES')
  const name = reader.text('OTEL_SERVICE_NAME')
  return name === undefined ? resource : { ...resource, 'service.name': name }
}

class Reader {
  readonly problems: { variable: string; problem: string }[] = []
  private readonly variables: Variables

  constructor(variables: Variables) {
    this.variables = variables
  }

  problem(variable: string, problem: string): void {
    if (!this.problems.some((known) => known.variable === variable)) this.problems.push({ variable, problem })
  }

  /** An empty value counts as none, as the specification asks. */
  text(name: string): string | undefined {
    return this.variables[name]?.trim() || undefined
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = this.text(name)?.toLowerCase()
    const found = allowed.find((one) => one === value)
    if (value !== undefined && found === undefined) this.problem(name, `must be one of ${allowed.join(', ')}`)
    return found
  }

  url(name: string): string | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    if (/^https?:$/.test(URL.parse(value)?.protocol ?? '')) return value
    this.problem(name, 'must be of the form http://collector:4318')
    return undefined
  }

  count(name: string, usual: number, least: number): number {
    const value = this.text(name)
    if (value === undefined) return usual
    const count = Number(value)
    if (Number.isInteger(count) && count >= least) return count
    this.problem(name, `must be a whole number from ${least}`)
    return usual
  }

  /** `key1=value1,key2=value2`, percent-encoded as in W3C Baggage. The value may be a secret: it is not told. */
  pairs(name: string): Record<string, string> {
    const pairs: Record<string, string> = {}
    for (const part of (this.text(name) ?? '').split(',')) {
      if (part.trim() === '') continue
      const at = part.indexOf('=')
      try {
        if (at < 1) throw new Error('no key')
        pairs[decodeURIComponent(part.slice(0, at).trim())] = decodeURIComponent(part.slice(at + 1).trim())
      } catch {
        this.problem(name, 'must be of the form key=value,key=value, percent-encoded')
      }
    }
    return pairs
  }
}
