/** From OpenTelemetry's names and units to those of Prometheus.
 *  https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ */
import type { MetricPoint } from './telemetry.ts'

const UNITS: Record<string, string> = { s: 'seconds', ms: 'milliseconds', By: 'bytes', '%': 'percent' }

/** `http.server.request.duration` in `s` is `http_server_request_duration_seconds`; a counter ends in `_total`. */
export function prometheusName({ name, unit, kind }: Pick<MetricPoint, 'name' | 'unit' | 'kind'>): string {
  // Only histograms may end in `_count` there.
  const parts = [kind === 'histogram' ? snake(name) : snake(name).replace(/_count$/, '')]
  const suffix = unitSuffix(unit, kind)
  if (suffix && !parts[0]!.endsWith(`_${suffix}`)) parts.push(suffix)
  if (kind === 'counter' && !parts[0]!.endsWith('_total')) parts.push('total')
  return parts.join('_')
}

/** `http.route` is `http_route`. */
export function prometheusLabel(name: string): string {
  return snake(name)
}

function snake(name: string): string {
  const plain = name.replaceAll(/[^a-zA-Z0-9_]/g, '_').replaceAll(/__+/g, '_')
  return /^\d/.test(plain) ? `_${plain}` : plain
}

/** Annotations such as `{request}` are words, not units. */
function unitSuffix(unit: string, kind: MetricPoint['kind']): string | undefined {
  if (unit === '' || unit.startsWith('{')) return undefined
  if (unit === '1') return kind === 'gauge' ? 'ratio' : undefined
  return UNITS[unit] ?? snake(unit).toLowerCase()
}

/** Upper bounds of histograms by unit, as OpenTelemetry advises them for HTTP (seconds), with shorter ones in front, since
 *  queries and cache reads take less than a millisecond.
 *  https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ */
export function boundsOf(unit: string): readonly number[] {
  return unit === 's' ? SECONDS : unit === 'By' ? BYTES : PLAIN
}

const SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1800,
]
const BYTES = [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864]
const PLAIN = [0.01, 0.1, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 100_000, 1_000_000]
