/** What a rule's condition reads, out of what all processes have stored. */
import type { Sql } from '../database/index.ts'
import { operationsByName, operationsByTime, readMetric, spanOf, type MetricSeries } from '../inspect/index.ts'
import { toMs } from '../kernel/index.ts'
import { LogLinear, middleOf } from '../telemetry/index.ts'
import { keyOf, type Reading } from './judge.ts'
import {
  CONFIDENCES,
  isAdvice,
  isBurn,
  isMetric,
  type AdviceCondition,
  type BurnCondition,
  type Condition,
  type Confidence,
  type MetricCondition,
  type RequestCondition,
} from './rule.ts'

/** One thing that the advisor says. The same cause and subject are the same trouble, whatever is said of it. */
export interface Advised {
  cause: string
  subject: string
  confidence: Confidence
  says: string
}

/** Undefined: it does not know yet, and what fires goes on. */
export type AdviceSource = () => readonly Advised[] | undefined

/** One look reads the same window of requests or of a metric once, however many rules ask for it. */
export class Reader {
  private readonly sql: Sql
  private readonly now: number
  private readonly advice: AdviceSource | undefined
  private readonly asked = new Map<string, Promise<unknown>>()

  constructor(sql: Sql, now: number, advice?: AdviceSource) {
    this.sql = sql
    this.now = now
    this.advice = advice
  }

  /** Undefined: nobody knows. */
  async read(when: Condition): Promise<Reading[] | undefined> {
    if (isAdvice(when)) return this.advised(when)
    if (isBurn(when)) return this.burn(when)
    return isMetric(when) ? this.metric(when) : this.requests(when)
  }

  private advised({ advice: least }: AdviceCondition): Reading[] | undefined {
    const sure = this.advice?.()?.filter(
      ({ confidence }) => CONFIDENCES.indexOf(confidence) >= CONFIDENCES.indexOf(least),
    )
    return sure?.map(({ cause, subject, says }) => ({
      key: keyOf({ cause, subject }),
      labels: { cause, subject, says },
      value: 1,
      enough: true,
    }))
  }

  private async metric(when: MetricCondition): Promise<Reading[]> {
    const overMs = toMs(when.over ?? '5m')
    const all = await this.once(`${when.metric} ${overMs}`, () =>
      readMetric(this.sql, when.metric, this.now - overMs, this.now + 1000),
    )
    const wanted = all.filter(({ labels }) => fits(labels, when.where))
    const groups = Map.groupBy(wanted, (series) => JSON.stringify(labelsOf(series, when.each)))
    return [...groups].map(([labels, series]) => ({
      labels: JSON.parse(labels) as Record<string, string>,
      ...numberOf(when, series, overMs),
    }))
  }

  private async requests({ requests, route, over = '5m', atLeast = 20 }: RequestCondition): Promise<Reading[]> {
    const ms = toMs(over)
    const { count, errors, durations } = await this.window(ms, route)
    const value =
      requests === 'rate'
        ? count / (ms / 1000)
        : requests === 'errors'
          ? errors / Math.max(1, count)
          : durations.quantile(Number(requests.slice(1)) / 100)
    return [{ labels: route === undefined ? {} : { route }, value, enough: count >= atLeast }]
  }

  private async burn({ burn }: BurnCondition): Promise<Reading[]> {
    const { objective, long, short, atLeast = 10, slowerThan } = burn
    const longMs = toMs(long)
    const windows = await Promise.all(
      [longMs, short === undefined ? longMs / 12 : toMs(short)].map((ms) => this.window(ms)),
    )
    const bad = windows.map(({ errors, durations }) =>
      slowerThan === undefined ? errors : above(durations, slowerThan),
    )
    const rates = windows.map(({ count }, i) => bad[i]! / Math.max(1, count) / (1 - objective))
    return [{ labels: {}, value: Math.min(...rates), enough: bad[1]! >= atLeast }]
  }

  private window(ms: number, route?: string): Promise<{ count: number; errors: number; durations: LogLinear }> {
    return this.once(`requests ${ms} ${route ?? ''}`, async () => {
      const span = spanOf(ms / 60_000, this.now)
      const slots = route
        ? (await operationsByName(this.sql, 'request', span, 5000)).filter(({ name }) => name === route)
        : await operationsByTime(this.sql, 'request', span, ms)
      const sum = { count: 0, errors: 0, durations: new LogLinear() }
      for (const { count, errors, durations } of slots) {
        sum.count += count
        sum.errors += errors
        sum.durations.merge(durations.buckets())
      }
      return sum
    })
  }

  private once<T>(key: string, read: () => Promise<T>): Promise<T> {
    let asked = this.asked.get(key)
    if (!asked) this.asked.set(key, (asked = read()))
    return asked as Promise<T>
  }
}

function fits(labels: Record<string, string>, where: Readonly<Record<string, string>> = {}): boolean {
  return Object.entries(where).every(([name, value]) => labels[name] === value)
}

function labelsOf({ labels, instanceId }: MetricSeries, each: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(each.map((name) => [name, name === 'instance' ? instanceId : (labels[name] ?? '')]))
}

function numberOf(
  { take, across, atLeast = 1 }: MetricCondition,
  series: readonly MetricSeries[],
  overMs: number,
): Pick<Reading, 'value' | 'enough'> {
  const countOf = (of: readonly MetricSeries[]): number =>
    of.reduce((n, { kind, sum, values }) => n + (kind === 'histogram' ? values.count : sum), 0)
  if (take === 'success' || typeof take === 'object') {
    const share = typeof take === 'object' ? take.share : { outcome: 'success' }
    const total = countOf(series)
    const part = countOf(series.filter(({ labels }) => fits(labels, share)))
    return { value: total === 0 ? 0 : part / total, enough: total >= Math.max(1, atLeast) }
  }
  if (take === 'increase' || take === 'rate') {
    const each = [...Map.groupBy(series, ({ instanceId }) => instanceId).values()].map(countOf)
    const gained = together(across ?? 'sum', each)
    return { value: take === 'rate' ? gained / (overMs / 1000) : gained, enough: true }
  }
  if (take === 'last' || take === 'max' || take === 'min' || take === 'avg') {
    const slots = series.reduce((n, one) => n + one.slots, 0)
    return {
      value: together(
        across ?? 'max',
        series.map((one) => one[take]),
      ),
      enough: slots >= atLeast,
    }
  }
  const all = new LogLinear()
  for (const { values } of series) all.merge(values.buckets())
  const sum = series.reduce((total, one) => total + one.sum, 0)
  const value = take === 'mean' ? sum / Math.max(1, all.count) : all.quantile(Number(take.slice(1)) / 100)
  return { value, enough: all.count >= atLeast }
}

function together(how: NonNullable<MetricCondition['across']>, values: readonly number[]): number {
  if (how === 'max') return Math.max(...values)
  if (how === 'min') return Math.min(...values)
  const sum = values.reduce((total, value) => total + value, 0)
  return how === 'sum' ? sum : sum / values.length
}

/** How many values lie above: those of the bucket that `limit` cuts count as its middle says. */
function above(durations: LogLinear, limit: number): number {
  const { first, counts } = durations.buckets()
  return counts.reduce((n, count, i) => n + (middleOf(first + i) > limit ? count : 0), 0)
}
