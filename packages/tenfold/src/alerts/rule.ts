/** A rule is data: what to read, when it is too much, for how long, and what to do about it. */
import { toMs, type Duration } from '../kernel/index.ts'
import { BadAlerts } from './errors.ts'

/** page: wake somebody. warn: look today. ticket: look this week. info: only shown. */
export type Severity = 'page' | 'warn' | 'ticket' | 'info'
export const SEVERITIES: readonly Severity[] = ['page', 'warn', 'ticket', 'info']

export interface Threshold {
  /** It fires above this … */
  above?: number
  /** … or below this. One of the two. */
  below?: number
  /** Once it fires, it goes on until the value is back here: apart from `above`, a value that hovers does not flap.
   *  Defaults to the threshold itself. */
  until?: number
}

/** How the values of a window become one number. Of gauges: last, max, min, avg. Of counters: increase, rate (in a second).
 *  Of histograms: p50, p95, p99, mean, increase (how many). success: of an `m.metric` of kind `ratio`, the share that went well. */
export type Take =
  | 'last'
  | 'max'
  | 'min'
  | 'avg'
  | 'increase'
  | 'rate'
  | 'p50'
  | 'p95'
  | 'p99'
  | 'mean'
  | 'success'
  | { share: Readonly<Record<string, string>> }

export interface MetricCondition extends Threshold {
  /** As it was recorded: `tenfold.queue.oldest_age`, `orders.order_success_rate`. */
  metric: string
  take: Take
  /** Only series with these labels. */
  where?: Readonly<Record<string, string>>
  /** An alert of its own for each value of these labels; `instance` is the process. Defaults to one alert for all together. */
  each?: readonly string[]
  /** How processes are put together. Histograms are always added up; counters are too, unless this says that all processes
   *  count the same (`max`). Defaults to `max` for gauges. */
  across?: 'max' | 'min' | 'sum' | 'avg'
  /** The window that is read. Defaults to `5m`. */
  over?: Duration
  /** With fewer values than this in the window nothing is said. Defaults to 1. */
  atLeast?: number
}

export interface RequestCondition extends Threshold {
  /** Milliseconds of requests; `errors`: the share that failed; `rate`: requests in a second. */
  requests: 'p50' | 'p95' | 'p99' | 'errors' | 'rate'
  /** Of one route, as `GET /orders/:id`. Defaults to all together. */
  route?: string
  over?: Duration
  /** With fewer requests than this in the window nothing is said. Defaults to 20. */
  atLeast?: number
}

/** The error budget is used up `factor` times too fast, in a long and a short window: so it is not over, and not a blip.
 *  Google, The Site Reliability Workbook, chapter 5. */
export interface BurnCondition {
  burn: {
    /** The share of requests that has to go well: 0.999. */
    objective: number
    factor: number
    long: Duration
    /** Defaults to a twelfth of `long`. */
    short?: Duration
    /** With fewer bad requests in the short window nothing is said: one error of twenty is no outage. Defaults to 10. */
    atLeast?: number
    /** Bad is what took longer, in milliseconds, instead of what failed. */
    slowerThan?: number
  }
}

/** The advisor names a cause, and is at least that sure of it. One alert for each cause and subject. */
export interface AdviceCondition {
  advice: Confidence
}

export type Confidence = 'low' | 'medium' | 'high'
export const CONFIDENCES: readonly Confidence[] = ['low', 'medium', 'high']

export type Condition = MetricCondition | RequestCondition | BurnCondition | AdviceCondition

export interface AlertRule {
  /** Permanent, of lower-case letters, digits and `-`. */
  name: string
  severity: Severity
  /** One sentence; `{value}` and `{label}` are filled in. */
  says: string
  /** What to look at and do first. */
  todo: string
  /** A page with more. Defaults to the section of its name in the runbook. */
  runbook?: string
  when: Condition
  /** How long it has to hold. Defaults to 0. */
  for?: Duration
  /** How long it has to be over. Defaults to `5m`. */
  keepFiring?: Duration
  /** Told once, however long it lasts. Defaults to false: again after `group.repeat`. */
  once?: boolean
  /** While one of these fires, this one is not told. */
  inhibitedBy?: readonly string[]
}

/** A rule with all its lengths of time in milliseconds. */
export interface CheckedRule extends Omit<AlertRule, 'for' | 'keepFiring'> {
  forMs: number
  keepMs: number
}

export const isMetric = (when: Condition): when is MetricCondition => 'metric' in when
export const isAdvice = (when: Condition): when is AdviceCondition => 'advice' in when
export const isBurn = (when: Condition): when is BurnCondition => 'burn' in when

/** What is wrong is told all at once, as TF_BAD_ALERTS. */
export function checkRules(rules: readonly AlertRule[]): CheckedRule[] {
  const problems: string[] = []
  const checked = rules.map((rule) => {
    const { for: holds = 0, keepFiring = '5m', ...rest } = rule
    problems.push(...problemsOf(rule, rules).map((problem) => `rule '${rule.name}' ${problem}`))
    return { ...rest, forMs: lengthOf(holds, problems), keepMs: lengthOf(keepFiring, problems) }
  })
  if (problems.length > 0) throw BadAlerts({ problems })
  return checked
}

function problemsOf({ name, severity, when, says, inhibitedBy = [] }: AlertRule, all: readonly AlertRule[]): string[] {
  const problems: string[] = []
  const need = (holds: boolean, problem: string): void => void (holds || problems.push(problem))
  need(/^[a-z][a-z0-9-]{0,62}$/.test(name), 'needs a name of lower-case letters, digits and -')
  need(all.filter((other) => other.name === name).length === 1, 'is there twice')
  need(SEVERITIES.includes(severity), `has severity '${severity}': it may be ${SEVERITIES.join(', ')}`)
  need(typeof says === 'string' && says.length > 0, 'says nothing')
  for (const other of inhibitedBy)
    need(
      all.some((one) => one.name === other),
      `is inhibited by '${other}', which is no rule`,
    )
  if (isBurn(when)) {
    const { objective, factor } = when.burn
    need(objective > 0 && objective < 1, 'needs an objective between 0 and 1, such as 0.999')
    need(factor > 0, 'needs a factor above 0')
    return problems
  }
  if (isAdvice(when)) {
    need(
      CONFIDENCES.includes(when.advice),
      `asks for advice that is '${when.advice}': it may be ${CONFIDENCES.join(', ')}`,
    )
    return problems
  }
  const { above, below, until } = when
  need((above === undefined) !== (below === undefined), 'needs either above or below')
  const overlap = above !== undefined ? until! > above : until! < below!
  need(until === undefined || !overlap, 'has an `until` on the wrong side of its threshold')
  return problems
}

function lengthOf(duration: Duration, problems: string[]): number {
  try {
    return toMs(duration)
  } catch {
    problems.push(`'${duration}' is not a length of time`)
    return 0
  }
}

/** Whether a value is too much; `fires` says whether it was already. */
export function isBeyond({ above, below, until }: Threshold, value: number, fires: boolean): boolean {
  if (above !== undefined) return value > (fires ? (until ?? above) : above)
  return value < (fires ? (until ?? below!) : below!)
}
