/** Outgoing requests as spans and durations, whoever sends them. */
import type { Attributes, Span, Telemetry } from '../telemetry/index.ts'
import { createSlowCallWatch } from './slow.ts'

export interface CallLabels {
  'http.request.method': string
  'server.address': string
  'tenfold.client'?: string
  'url.template'?: string
}

interface Begun {
  labels: CallLabels
  attributes?: Attributes
  /** Where in the code the call was made. */
  stack: string | undefined
  /** Not looked at for being slow. */
  internal?: boolean | undefined
}

/** Calls under way, by the object that stands for each. What is not known, because it began outside of a context, is let pass. */
export interface Calls {
  /** The span of the call; undefined outside of a context. */
  begin(request: object, call: Begun): Span | undefined
  answered(request: object, status: number): void
  end(request: object, error?: Error): void
}

interface Known {
  span: Span
  started: number
  labels: CallLabels
  status?: number
}

export function createCalls(telemetry: Telemetry): Calls {
  const open = new WeakMap<object, Known>()
  const noticeSlow = createSlowCallWatch(telemetry)
  const duration = telemetry.metrics.histogram('http.client.request.duration', {
    help: 'Duration of outgoing HTTP requests.',
    unit: 's',
  })
  return {
    begin(request, { labels, attributes, stack, internal }) {
      if (!telemetry.current()) return undefined // not in a context of this instance
      const name = `${labels['http.request.method']} ${labels['server.address']}${labels['url.template'] ?? ''}`
      const span = telemetry.start('outgoing', name, { ...labels, ...attributes })
      open.set(request, { span, started: performance.now(), labels })
      if (!internal) noticeSlow(name, stack)
      return span
    },

    answered(request, status) {
      const known = open.get(request)
      if (!known) return
      known.status = status
      known.span.set('http.response.status_code', status)
    },

    end(request, error) {
      const known = open.get(request)
      if (!known) return
      open.delete(request)
      const { status = 0, span, started, labels } = known
      const failed = error ?? (status >= 500 ? new Error(`answered ${status}`) : undefined)
      duration.record((performance.now() - started) / 1000, {
        ...labels,
        ...(status > 0 ? { 'http.response.status_code': String(status) } : { 'error.type': typeOf(error) }),
      })
      span.end(failed)
    },
  }
}

/** The code of the error, of which there are few; its message may name anything. */
function typeOf(error: Error | undefined): string {
  return (error as { code?: string } | undefined)?.code ?? error?.name ?? 'closed'
}
