/** What a generator process has counted; sent to the parent once a second, as buckets that can be added up. */
import { type Buckets, LogLinear } from '../../telemetry/index.ts'

export interface Stored {
  buckets: Buckets
  count: number
  sum: number
  min: number
  max: number
}

/** Counts of one second of one step, from one process. */
export interface Tally {
  /** The second of the step in which it was counted. */
  second: number
  due: number
  /** Visitors whose whole flow went well, while the step lasted. */
  completed: number
  latency: Stored
  service: Stored
  lag: Stored
  routes: Record<string, { count: number; latency: Stored; errors: Record<string, number> }>
  /** Of flows: what they threw beside failed requests. */
  errors: Record<string, number>
  /** Visitors under way, summed over time: visitor-milliseconds. */
  underWayMs: number
  noRoom: number
}

export class Counts {
  due = 0
  completed = 0
  underWayMs = 0
  noRoom = 0
  readonly latency = new LogLinear()
  readonly service = new LogLinear()
  readonly lag = new LogLinear()
  readonly errors: Record<string, number> = {}
  readonly routes = new Map<string, { count: number; latency: LogLinear; errors: Record<string, number> }>()

  /** An answer, or that none came. With `error` only a timeout has a latency: what fails at once is quick for nobody. */
  request(route: string, latencyMs: number, serviceMs: number, error?: string): void {
    let of = this.routes.get(route)
    if (!of) this.routes.set(route, (of = { count: 0, latency: new LogLinear(), errors: {} }))
    of.count++
    if (error !== undefined) count(of.errors, error)
    if (error !== undefined && error !== 'timeout') return
    of.latency.record(latencyMs)
    this.latency.record(latencyMs)
    this.service.record(serviceMs)
  }

  failed(error: string): void {
    count(this.errors, error)
  }

  tally(second: number): Tally {
    const routes = [...this.routes].map(([name, { count, latency, errors }]) => {
      return [name, { count, latency: store(latency), errors }] as const
    })
    const { due, completed, underWayMs, noRoom, errors } = this
    return {
      second,
      due,
      completed,
      underWayMs,
      noRoom,
      errors,
      latency: store(this.latency),
      service: store(this.service),
      lag: store(this.lag),
      routes: Object.fromEntries(routes),
    }
  }
}

const MAX_KINDS = 20

/** Messages with numbers in them are all different: beyond some, the rest is one kind. */
function count(errors: Record<string, number>, error: string): void {
  const kind = error in errors || Object.keys(errors).length < MAX_KINDS ? error.slice(0, 200) : 'others'
  errors[kind] = (errors[kind] ?? 0) + 1
}

function store(of: LogLinear): Stored {
  const { count, sum } = of
  return { buckets: of.buckets(), count, sum, min: count > 0 ? of.min : 0, max: count > 0 ? of.max : 0 }
}

export function restore(into: LogLinear, { buckets, count, sum, min, max }: Stored): LogLinear {
  return count > 0 ? into.merge(buckets, { sum, min, max }) : into
}
