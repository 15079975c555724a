/** What was found, in sentences: the only place that has them. */
import { scaled } from './demands.ts'
import type { Demands, Prediction } from './plan.ts'
import { capacityOf } from './predict.ts'
import { cheapest, mostAt, type Choice, type CurvePoint, type Settings, type Stage } from './search.ts'

export const STAGES: Record<Stage, string> = {
  1: 'one machine',
  2: 'database apart',
  3: 'many instances',
  4: 'replicas',
  5: 'a shared cache',
  6: 'split service',
}

export interface Answer {
  rate: number
  users?: number
  choice: Choice | undefined
  /** The same with as much CPU for each request as the measurement allows, and as little. */
  worst: Choice | undefined
  best: Choice | undefined
  /** Requests a second that the chosen topology does, with more and with less CPU for each. */
  capacity: { low: number; value: number; high: number } | undefined
  unknown: string[]
}

export function answer(demands: Demands, rate: number, settings: Settings, users?: number): Answer {
  const [more, less] = [scaled(demands, 'more'), scaled(demands, 'less')]
  const choice = cheapest(demands, rate, settings)
  return {
    rate,
    ...(users !== undefined && { users }),
    choice,
    worst: cheapest(more, rate, settings),
    best: cheapest(less, rate, settings),
    capacity: choice && {
      low: capacityOf(more, choice.topology),
      value: choice.prediction.capacity,
      high: capacityOf(less, choice.topology),
    },
    unknown: [...demands.unknown, ...assumptionsOf(settings)],
  }
}

function assumptionsOf({ networkMs, cacheHit }: Settings): string[] {
  return [
    'assumed: cores are as fast as the measured ones, and twice as many do twice as much',
    `assumed: ${networkMs} ms from one machine to another and back (--network)`,
    ...(cacheHit === undefined ? ['not measured: what a shared cache would save; --cache-hit 0.8 plans with one'] : []),
  ]
}

/** From which rate on a step of the ladder is needed, because all steps below cannot do it with any of the machines. */
export function needs(demands: Demands, settings: Settings): { stage: Stage; from: number }[] {
  const found: { stage: Stage; from: number }[] = []
  let below = 0
  for (const stage of [1, 2, 3, 4, 5] as const) {
    if (stage === 5 && settings.cacheHit === undefined) continue
    const most = mostAt(demands, settings, stage)
    if (most > below * 1.02) found.push({ stage, from: below })
    below = Math.max(below, most)
  }
  return [...found, { stage: 6, from: below }]
}

/** The statements that the time in the database goes to: to make these cheaper is cheaper than any machine. */
export function wordsOfQueries({ queries = [] }: Demands): string[] {
  return queries
    .slice(0, 3)
    .map(
      ({ query, module, calls, seconds, share }) =>
        `${percent(share)} of the time in the database: ${query.length > 90 ? `${query.slice(0, 89)}…` : query} (${module}; ${Number(calls.toPrecision(2))} for each request, ${ms(seconds)} each)`,
    )
}

export function wordsOfAnswer(
  { rate, users, choice, worst, best, capacity }: Answer,
  { prices, goal }: Settings,
): string[] {
  const asked = `${users === undefined ? '' : `${short(users)} users, `}${short(rate)} requests a second, p95 within ${ms(goal.p95)}, nothing fuller than ${percent(goal.utilization)}`
  if (!choice) {
    return [
      `${asked}: no topology of these machines does it.`,
      'One primary cannot write as much: split the module that writes the most into a service with a database of its own (step 6), and plan each of them.',
    ]
  }
  const { topology, price, prediction } = choice
  const other = (one: Choice | undefined): string =>
    one ? `${one.topology.name}, ${money(one.price, prices.currency)}` : 'nothing does it'
  const spread =
    best && worst && best.price === worst.price
      ? 'The measurement is exact enough: with more or less CPU for each request it stays the same.'
      : `If a request takes as little as the measurement allows: ${other(best)}; as much: ${other(worst)}.`
  return [
    `${asked}:`,
    `${topology.name}; step ${topology.stage} of the ladder, ${STAGES[topology.stage]}; ${money(price, prices.currency)} a month.`,
    `Predicted: p50 ${ms(prediction.p50)}, p95 ${ms(prediction.p95)}, p99 ${ms(prediction.p99)}; fullest: ${fullest(prediction)}.`,
    `It does ${short(capacity!.value)} a second at the most (${short(capacity!.low)} to ${short(capacity!.high)}); first full: the ${prediction.utilization[0]!.of}.`,
    spread,
  ]
}

export function wordsOfNeeds(
  found: readonly { stage: Stage; from: number }[],
  ratePerUser: number | undefined,
): string[] {
  return found
    .filter(({ from }) => from > 0)
    .map(({ stage, from }) => {
      const users = ratePerUser === undefined ? '' : ` (${short(from / ratePerUser)} users)`
      return `step ${stage}, ${STAGES[stage]}: needed from ${short(from)} requests a second on${users}`
    })
}

export function rowsOfCurve(curve: readonly CurvePoint[], currency: string): string[][] {
  return curve.map(({ users, rate, choice }) => [
    short(users),
    short(rate),
    choice ? String(choice.topology.stage) : '6',
    choice ? ms(choice.prediction.p95) : '',
    choice ? fullest(choice.prediction) : '',
    choice ? money(choice.price, currency) : '',
    choice ? choice.topology.name : 'more than one primary can do',
  ])
}

export const CURVE_HEADS = ['users', 'requests/s', 'step', 'p95', 'fullest', 'a month', 'topology']

function fullest({ utilization }: Prediction): string {
  const [first] = utilization
  return first ? `${first.of} ${percent(first.value)}` : ''
}

function money(price: number, currency: string): string {
  return `${Math.round(price)} ${currency}`
}

function ms(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'no end'
  const value = seconds * 1000
  return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} ms`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function short(value: number): string {
  for (const [unit, sign] of [
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}${sign}`
  return String(Number(value.toPrecision(3)))
}
