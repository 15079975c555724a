/** The rules as those of Prometheus, over what it scrapes from `/metrics`.
 *  https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
 *  What it has no word for: `until` (one threshold serves both ways), silences, whom to tell, and what the advisor says. */
import { toMs } from '../../kernel/index.ts'
import { boundsOf, prometheusLabel, prometheusName } from '../../telemetry/index.ts'
import {
  isAdvice,
  isBurn,
  isMetric,
  type AdviceCondition,
  type BurnCondition,
  type CheckedRule,
  type Condition,
  type MetricCondition,
  type RequestCondition,
} from '../rule.ts'
import { CATALOGUE, type KnownMetric } from './catalogue.ts'
import { yaml } from './yaml.ts'

export interface PrometheusExport {
  text: string
  /** Rules over metrics whose kind is not known here. */
  leftOut: string[]
}

export function prometheusRules(
  app: string,
  rules: readonly CheckedRule[],
  own: Readonly<Record<string, KnownMetric>>,
  runbook?: string,
): PrometheusExport {
  const known = { ...CATALOGUE, ...own }
  const leftOut: string[] = []
  const exported = rules.flatMap((rule) => {
    if (isAdvice(rule.when)) return []
    const expr = expressionOf(rule.when, known)
    if (expr === undefined) leftOut.push(rule.name)
    return expr === undefined ? [] : [ruleOf(rule, expr, runbook)]
  })
  // It always fires: who is told when it does not knows that the alerting is gone.
  const deadman = {
    alert: 'DeadMan',
    expr: 'vector(1)',
    labels: { severity: 'none' },
    annotations: { summary: 'It is well.' },
  }
  return { text: yaml({ groups: [{ name: `tenfold-${app}`, rules: [...exported, deadman] }] }).slice(1), leftOut }
}

function ruleOf(rule: CheckedRule, expr: string, runbook: string | undefined): object {
  const { name, severity, says, todo, forMs, keepMs } = rule
  const page = rule.runbook ?? (runbook === undefined ? undefined : `${runbook}#${name}`)
  return {
    alert: name,
    expr,
    for: forMs > 0 ? seconds(forMs) : undefined,
    keep_firing_for: keepMs > 0 ? seconds(keepMs) : undefined,
    labels: { severity },
    annotations: { summary: template(says), description: todo, runbook_url: page },
  }
}

function template(says: string): string {
  return says
    .replaceAll('{value}', '{{ $value | printf "%.3g" }}')
    .replaceAll('{percent}', '{{ $value | humanizePercentage }}')
    .replaceAll(/(?<!\{)\{([\w.]+)\}(?!\})/g, (_, name: string) => `{{ $labels.${prometheusLabel(name)} }}`)
}

function expressionOf(
  when: Exclude<Condition, AdviceCondition>,
  known: Readonly<Record<string, KnownMetric>>,
): string | undefined {
  if (isBurn(when)) return burn(when)
  if (!isMetric(when)) return requests(when)
  const about = known[when.metric]
  return about && metric(when, prometheusName({ name: when.metric, ...about }), about.kind)
}

function metric(when: MetricCondition, name: string, kind: KnownMetric['kind']): string {
  const { take, where = {}, across, atLeast = 1, over = '5m' } = when
  const range = `[${seconds(toMs(over))}]`
  const by = `by (${(when.each ?? []).map(prometheusLabel).join(', ')})`
  const counts = kind === 'histogram' ? `${name}_count` : name
  const gained = (labels: Readonly<Record<string, string>>): string =>
    `sum ${by} (increase(${counts}${selector(labels)}${range}))`
  const enough = atLeast > 1 ? ` and ${gained(where)} >= ${atLeast}` : ''
  const limit = beyond(when)

  if (take === 'success' || typeof take === 'object') {
    const part = gained({ ...where, ...(typeof take === 'object' ? take.share : { outcome: 'success' }) })
    // Where nothing of that share was counted yet, it is none of all, and not unknown.
    return `(${part} or 0 * ${gained(where)}) / ${gained(where)} ${limit}${enough}`
  }
  if (take === 'increase' || take === 'rate')
    return `${across ?? 'sum'} ${by} (${take}(${counts}${selector(where)}${range})) ${limit}`
  if (take === 'last') return `${across ?? 'max'} ${by} (${name}${selector(where)}) ${limit}`
  if (take === 'max' || take === 'min' || take === 'avg')
    return `${across ?? 'max'} ${by} (${take}_over_time(${name}${selector(where)}${range})) ${limit}`
  const rate = (series: string): string => `rate(${name}_${series}${selector(where)}${range})`
  if (take === 'mean') return `sum ${by} (${rate('sum')}) / sum ${by} (${rate('count')}) ${limit}${enough}`
  const buckets = `sum by (${['le', ...(when.each ?? []).map(prometheusLabel)].join(', ')}) (${rate('bucket')})`
  return `histogram_quantile(${Number(take.slice(1)) / 100}, ${buckets}) ${limit}${enough}`
}

const REQUESTS = 'http_server_request_duration_seconds'
const FAILED = { http_response_status_class: '5xx' }

function requests(when: RequestCondition): string {
  const { requests: take, route, over = '5m', atLeast = 20 } = when
  const [method = '', path = ''] = route?.split(' ', 2) ?? []
  const where: Record<string, string> = route === undefined ? {} : { http_request_method: method, http_route: path }
  const range = `[${seconds(toMs(over))}]`
  const gained = (labels: Record<string, string>): string =>
    `sum(increase(${REQUESTS}_count${selector({ ...where, ...labels })}${range}))`
  const enough = ` and ${gained({})} >= ${atLeast}`
  if (take === 'rate') return `sum(rate(${REQUESTS}_count${selector(where)}${range})) ${beyond(when)}${enough}`
  if (take === 'errors') return `(${gained(FAILED)} or 0 * ${gained({})}) / ${gained({})} ${beyond(when)}${enough}`
  const buckets = `sum by (le) (rate(${REQUESTS}_bucket${selector(where)}${range}))`
  return `1000 * histogram_quantile(${Number(take.slice(1)) / 100}, ${buckets}) ${beyond(when)}${enough}`
}

function burn({ burn: { objective, factor, long, short, atLeast = 10, slowerThan } }: BurnCondition): string {
  const longMs = toMs(long)
  const windows = [longMs, short === undefined ? longMs / 12 : toMs(short)].map((ms) => `[${seconds(ms)}]`)
  const all = (range: string): string => `sum(increase(${REQUESTS}_count${range}))`
  const bad = (range: string): string => {
    if (slowerThan === undefined) return `sum(increase(${REQUESTS}_count${selector(FAILED)}${range}))`
    const le = boundsOf('s').find((bound) => bound * 1000 >= slowerThan) ?? '+Inf'
    return `(${all(range)} - sum(increase(${REQUESTS}_bucket${selector({ le: String(le) })}${range})))`
  }
  const tooFast = windows.map(
    (range) => `${bad(range)} / ${all(range)} / ${Number((1 - objective).toPrecision(6))} > ${factor}`,
  )
  return `${tooFast.join(' and ')} and ${bad(windows[1]!)} >= ${atLeast}`
}

function beyond({ above, below }: { above?: number; below?: number }): string {
  return above === undefined ? `< ${below}` : `> ${above}`
}

function selector(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${prometheusLabel(name)}=${JSON.stringify(value)}`)
  return pairs.length === 0 ? '' : `{${pairs.join(', ')}}`
}

function seconds(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}
