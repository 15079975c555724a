/** Adds up what the generator processes counted into the result of a step. */
import { LogLinear } from '../telemetry/index.ts'
import { restore, type Tally } from './generate/tally.ts'
import type { NamedResult, Quantiles, Second, StepResult } from './load.ts'

interface SecondCounts {
  due: number
  completed: number
  errors: number
  latency: LogLinear
}

export class Gathering {
  readonly latency = new LogLinear()
  readonly service = new LogLinear()
  private readonly lag = new LogLinear()
  private readonly errors: Record<string, number> = {}
  private readonly routes = new Map<string, { count: number; latency: LogLinear; errors: Record<string, number> }>()
  private readonly seconds = new Map<number, SecondCounts>()
  private due = 0
  private completed = 0
  private requests = 0
  private underWayMs = 0
  private noRoom = 0

  add(tally: Tally): void {
    restore(this.latency, tally.latency)
    restore(this.service, tally.service)
    restore(this.lag, tally.lag)
    this.due += tally.due
    this.completed += tally.completed
    this.underWayMs += tally.underWayMs
    this.noRoom += tally.noRoom
    let failed = addAll(this.errors, tally.errors)
    for (const [name, { count, latency, errors }] of Object.entries(tally.routes)) {
      const of = this.routes.get(name) ?? { count: 0, latency: new LogLinear(), errors: {} }
      this.routes.set(name, of)
      of.count += count
      this.requests += count
      restore(of.latency, latency)
      addAll(of.errors, errors)
      failed += addAll(this.errors, errors)
    }
    this.addSecond(tally, failed)
  }

  private addSecond({ second, due, completed, latency }: Tally, failed: number): void {
    const of = this.seconds.get(second) ?? { due: 0, completed: 0, errors: 0, latency: new LogLinear() }
    this.seconds.set(second, of)
    of.due += due
    of.completed += completed
    of.errors += failed
    restore(of.latency, latency)
  }

  /** What has come so far in the last whole second, for a line of progress. */
  latest(): { errors: number; p95: number; completed: number } {
    const of = [...this.seconds.values()].at(-1)
    return { errors: of?.errors ?? 0, p95: of?.latency.quantile(0.95) ?? 0, completed: of?.completed ?? 0 }
  }

  result(
    of: Pick<StepResult, 'kind' | 'round' | 'from' | 'seconds' | 'startedAt' | 'users'> & {
      rate: number
      utilization: number
      cpuSeconds: number
    },
  ): StepResult {
    const { rate, utilization, cpuSeconds, ...facts } = of
    const { due, completed, requests, errors, noRoom } = this
    const routes = [...this.routes].map(([name, { count, latency, errors: failed }]) => {
      return [name, { count, latency: quantilesOf(latency), errors: failed } satisfies NamedResult] as const
    })
    const lag = quantilesOf(this.lag)
    const step: StepResult = {
      ...facts,
      offered: of.kind === 'open' ? rate : due / of.seconds,
      due,
      completed,
      requests,
      achieved: completed / of.seconds,
      latency: quantilesOf(this.latency),
      service: quantilesOf(this.service),
      buckets: this.latency.buckets(),
      errors,
      routes: Object.fromEntries(routes.toSorted((a, b) => b[1].count - a[1].count)),
      inFlight: this.underWayMs / (of.seconds * 1000),
      generator: { lag, utilization, cpuSeconds, noRoom },
      series: this.series(of.from),
      invalid: [],
    }
    return { ...step, invalid: whyInvalid(step) }
  }

  private series(from: number): Second[] {
    return [...this.seconds]
      .toSorted(([a], [b]) => a - b)
      .map(([second, { due, completed, errors, latency }]) => {
        const [p50, p95, max] = [latency.quantile(0.5), latency.quantile(0.95), latency.count > 0 ? latency.max : 0]
        return { at: round(from + second), due, completed, errors, p50: round(p50), p95: round(p95), max: round(max) }
      })
  }
}

/** L3. In a closed step nobody is due at a time, so only a busy generator counts. */
function whyInvalid({ kind, generator: { lag, utilization, noRoom }, latency, due }: StepResult): string[] {
  const found: string[] = []
  if (kind === 'open' && lag.p95 > Math.max(5, latency.p95 / 10)) {
    found.push(
      `the generator was late: ${lag.p95.toFixed(1)} ms at p95, where ${latency.p95.toFixed(1)} ms were measured`,
    )
  }
  if (utilization > 0.9) found.push(`the generator was busy ${Math.round(utilization * 100)} % of the time`)
  if (noRoom > due / 100) found.push(`${noRoom} visitors found no room in the generator`)
  return found
}

function addAll(into: Record<string, number>, from: Record<string, number>): number {
  let sum = 0
  for (const [kind, n] of Object.entries(from)) {
    into[kind] = (into[kind] ?? 0) + n
    sum += n
  }
  return sum
}

export function quantilesOf(values: LogLinear): Quantiles {
  const at = (q: number): number => round(values.quantile(q))
  return {
    count: values.count,
    mean: round(values.mean),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: values.count > 0 ? round(values.max) : 0,
  }
}

/** To four digits: more is not known. */
export function round(value: number): number {
  return Number(value.toPrecision(4))
}
