/** The Universal Scalability Law (Neil Gunther, "Guerrilla Capacity Planning", 2007, chapter 4):
 *
 *    X(N) = g N / (1 + a (N - 1) + b N (N - 1))
 *
 *  N at work at once do X a second; g is what one alone does, a the share that has to be done one after the other
 *  (contention), b what it costs that each has to agree with each (crosstalk). With b above 0 there is a most: more than
 *  sqrt((1 - a) / b) at once do less. What was not measured past that point is a guess, and is called one. */
import { seeded } from '../generate/timetable.ts'
import { quantile } from './statistics.ts'
import type { StepResult } from '../load.ts'

export interface Point {
  n: number
  x: number
}

export interface Interval {
  value: number
  low: number
  high: number
}

export interface UslFit {
  points: Point[]
  /** What one alone does, a second. */
  alone: Interval
  /** a and b. */
  contention: Interval
  crosstalk: Interval
  /** Where X is highest, and X there; undefined when b is 0 within its interval's lower end and nothing was seen to fall. */
  peak: { n: Interval; x: Interval } | undefined
  /** Whether anything was measured past the peak. */
  peakReached: boolean
  /** Root of the mean squared error, as a share of what was measured, and whether that is little enough to say anything. */
  error: number
  fits: boolean
}

const LEAST_POINTS = 4
const MOST_ERROR = 0.15

/** Fits the law by least squares of relative errors; intervals by resampling the residuals. Undefined with less than four
 *  different N. */
export function fitUsl(points: readonly Point[], seed = 1): UslFit | undefined {
  const good = points.filter(({ n, x }) => n > 0 && x > 0)
  if (new Set(good.map(({ n }) => n.toPrecision(3))).size < LEAST_POINTS) return undefined
  const best = fit(good)
  const fitted = good.map(({ n }) => at(best, n))
  // Parameters were taken from the same points: residuals are a little too small (Davison and Hinkley, 1997, 6.2).
  const inflate = Math.sqrt(good.length / Math.max(1, good.length - 3))
  const residuals = good.map(({ x }, i) => (x / fitted[i]! - 1) * inflate)
  const error = Math.sqrt(residuals.reduce((sum, r) => sum + (r / inflate) ** 2, 0) / good.length)
  const random = seeded(seed)
  const again = Array.from({ length: 200 }, () =>
    fit(
      good.map(({ n }, i) => {
        const residual = residuals[Math.floor(random() * residuals.length)]!
        return { n, x: Math.max(fitted[i]! * (1 + residual), fitted[i]! * 0.01) }
      }),
    ),
  )
  const interval = (of: (law: Law) => number): Interval => {
    const values = again.map(of)
    return { value: of(best), low: quantile(values, 0.05), high: quantile(values, 0.95) }
  }
  const [farthest, most] = [Math.max(...good.map(({ n }) => n)), Math.max(...fitted)]
  const peakAt = peakOf(best)
  const after = good.filter(({ n }) => n > peakAt * 1.05)
  const peakReached = after.some(({ x }) => x < most * 1.02)
  return {
    points: good.toSorted((a, b) => a.n - b.n),
    alone: interval(({ g }) => g),
    contention: interval(({ a }) => a),
    crosstalk: interval(({ b }) => b),
    peak: peakAt < farthest * 50 ? { n: interval(peakOf), x: interval((law) => at(law, peakOf(law))) } : undefined,
    peakReached,
    error,
    fits: error < MOST_ERROR,
  }
}

/** Of closed steps their users, of open ones how many were under way (Little's law); steps without worth left out. */
export function pointsOf(steps: readonly StepResult[]): Point[] {
  const valid = steps.filter(({ invalid }) => invalid.length === 0)
  const closed = valid.filter(({ kind }) => kind === 'closed')
  const from = closed.length > 0 ? closed : valid
  return from.map(({ users, inFlight, achieved }) => ({ n: users ?? inFlight, x: achieved }))
}

interface Law {
  g: number
  a: number
  b: number
}

export function at({ g, a, b }: Law, n: number): number {
  return (g * n) / (1 + a * (n - 1) + b * n * (n - 1))
}

function peakOf({ a, b }: Law): number {
  return b > 1e-12 ? Math.sqrt(Math.max(0, 1 - a) / b) : Infinity
}

/** A grid over contention and crosstalk, then smaller and smaller steps around the best; g follows from both. */
function fit(points: readonly Point[]): Law {
  let best = judge(points, 0, 0)
  const consider = (a: number, b: number): boolean => {
    const other = judge(points, Math.min(1, Math.max(0, a)), Math.max(0, b))
    if (other.loss >= best.loss) return false
    best = other
    return true
  }
  for (let i = 0; i <= 20; i++) for (let e = -14; e <= 0; e++) consider(i / 20, e === -14 ? 0 : 10 ** (e / 2))
  for (let step = 0.5; step > 1e-4;) {
    const { a, b } = best
    const [da, db] = [Math.max(a, 1e-3) * step, Math.max(b, 1e-7) * step]
    const moved = [
      consider(a + da, b),
      consider(best.a - da, best.b),
      consider(best.a, best.b + db),
      consider(best.a, best.b - db),
    ]
    if (!moved.includes(true)) step /= 2
  }
  return best
}

function judge(points: readonly Point[], a: number, b: number): Law & { loss: number } {
  const ratios = points.map(({ n, x }) => at({ g: 1, a, b }, n) / x)
  const g = ratios.reduce((sum, r) => sum + r, 0) / ratios.reduce((sum, r) => sum + r * r, 0)
  return { g, a, b, loss: ratios.reduce((sum, r) => sum + (g * r - 1) ** 2, 0) }
}
