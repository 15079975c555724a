/** The metrics of a process as Prometheus reads them.
 *    text        https://prometheus.io/docs/instrumenting/exposition_formats/
 *    OpenMetrics https://prometheus.io/docs/specs/om/open_metrics_spec/: exemplars with trace ids, and an end mark */
import { boundsOf, prometheusLabel, prometheusName } from './names.ts'
import { countsBetween, exemplarsBetween } from './bounds.ts'
import type { Exemplar, MetricPoint, Telemetry } from './telemetry.ts'

export type MetricsFormat = 'text' | 'openmetrics'

export const METRICS_CONTENT_TYPE: Record<MetricsFormat, string> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** What an `Accept` header asks for: OpenMetrics if it is named with no less weight than plain text, else text. */
export function metricsFormat(accept: string | undefined): MetricsFormat {
  const weights = (accept ?? '').split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((one) => one.trim().toLowerCase())
    const q = Number(parameters.find((one) => one.startsWith('q='))?.slice(2) ?? 1)
    return { type, q: Number.isFinite(q) ? q : 0 }
  })
  const weight = (type: string): number => Math.max(0, ...weights.filter((one) => one.type === type).map(({ q }) => q))
  const open = weight('application/openmetrics-text')
  return open > 0 && open >= weight('text/plain') ? 'openmetrics' : 'text'
}

/** All metrics of this process, now.
 *  @example
 *  response.setHeader('content-type', METRICS_CONTENT_TYPE[format])
 *  response.end(renderMetrics(telemetry, format)) */
export function renderMetrics(telemetry: Telemetry, format: MetricsFormat): string {
  if (format === 'openmetrics') telemetry.metrics.keepExemplars()
  const families = familiesOf(telemetry.metrics.snapshot())
  const lines: string[] = [...targetInfo(telemetry, format)]
  for (const [name, points] of families) lines.push(...family(name, points, format))
  if (format === 'openmetrics') lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

/** Points of one family stand together. A second metric that comes to the same name with another kind is left out: a
 *  scraper would refuse everything. */
function familiesOf(points: readonly MetricPoint[]): Map<string, MetricPoint[]> {
  const families = new Map<string, MetricPoint[]>()
  for (const point of points) {
    const name = prometheusName(point)
    const family = families.get(name)
    if (!family) families.set(name, [point])
    else if (family[0]!.kind === point.kind) family.push(point)
  }
  return families
}

function* targetInfo({ service, version, env, instanceId }: Telemetry, format: MetricsFormat): Iterable<string> {
  const labels = {
    'service.name': service,
    'service.version': version,
    'service.instance.id': instanceId,
    'deployment.environment.name': env,
  }
  const family = format === 'openmetrics' ? 'target' : 'target_info'
  yield `# HELP ${family} The app that these metrics are of.`
  yield `# TYPE ${family} ${format === 'openmetrics' ? 'info' : 'gauge'}`
  yield `target_info${braces(labels)} 1`
}

function* family(name: string, points: readonly MetricPoint[], format: MetricsFormat): Iterable<string> {
  const { help, kind } = points[0]!
  // In OpenMetrics the family of a counter has no `_total`.
  const title = format === 'openmetrics' && kind === 'counter' ? name.replace(/_total$/, '') : name
  yield `# HELP ${title} ${escape(help, format)}`
  yield `# TYPE ${title} ${kind}`
  for (const point of points) {
    if (point.histogram) yield* histogram(name, point, format)
    else yield `${name}${braces(point.labels)} ${numberOf(point.value)}`
  }
}

function* histogram(name: string, point: MetricPoint, format: MetricsFormat): Iterable<string> {
  const { labels, unit } = point
  const values = point.histogram!
  const bounds = boundsOf(unit)
  const counts = countsBetween(values, bounds)
  const exemplars = format === 'openmetrics' ? exemplarsBetween(point.exemplars ?? [], bounds) : []
  let total = 0
  for (let i = 0; i < counts.length; i++) {
    total += counts[i]!
    const le = i < bounds.length ? bound(bounds[i]!, format) : '+Inf'
    yield `${name}_bucket${braces({ ...labels, le })} ${total}${exemplarOf(exemplars[i])}`
  }
  yield `${name}_sum${braces(labels)} ${numberOf(values.sum)}`
  yield `${name}_count${braces(labels)} ${total}`
}

/** OpenMetrics wants `1.0`; the older format is written as it always was. */
function bound(value: number, format: MetricsFormat): string {
  return format === 'openmetrics' && Number.isInteger(value) ? `${value}.0` : String(value)
}

function exemplarOf(exemplar: Exemplar | undefined): string {
  if (!exemplar) return ''
  const { traceId, spanId, value, timeMs } = exemplar
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${numberOf(value)} ${(timeMs / 1000).toFixed(3)}`
}

function braces(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${prometheusLabel(name)}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeLabel(value: string): string {
  return String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

function escape(help: string, format: MetricsFormat): string {
  const plain = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return format === 'openmetrics' ? plain.replaceAll('"', '\\"') : plain
}

function numberOf(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)
}
