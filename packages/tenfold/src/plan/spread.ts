/** How waiting and work are spread, for percentiles. */

/** A time that is nought with some likelihood, else gamma with this mean and variance (over everybody). */
export interface Spread {
  mean: number
  variance: number
  /** Of being nought. */
  none: number
}

export const NOTHING: Spread = { mean: 0, variance: 0, none: 1 }

/** Waiting: exponential among those who wait, as it is in M/M/c. */
export function waiting({ chance, mean }: { chance: number; mean: number }): Spread {
  if (mean === 0 || chance === 0) return NOTHING
  const long = mean / chance
  return { mean, variance: chance * 2 * long * long - mean * mean, none: 1 - chance }
}

export function work(mean: number, cv2: number): Spread {
  return mean === 0 ? NOTHING : { mean, variance: mean * mean * cv2, none: 0 }
}

/** Of independent times. */
export function sum(spreads: readonly Spread[]): Spread {
  return {
    mean: spreads.reduce((all, { mean }) => all + mean, 0),
    variance: spreads.reduce((all, { variance }) => all + variance, 0),
    none: spreads.reduce((all, { none }) => all * none, 1),
  }
}

/** How likely it is longer than `t`. Mean and variance of what is not nought are matched by a gamma distribution. */
export function longerThan({ mean, variance, none }: Spread, t: number): number {
  if (none >= 1 || mean === 0) return 0
  const some = 1 - none
  const part = mean / some
  const spread = Math.max((variance + mean * mean) / some - part * part, part * part * 1e-4)
  const shape = (part * part) / spread
  return some * (1 - gammaBelow(shape, (t / part) * shape))
}

/** Steps of likelihood that stand for a spread of work: few where it is short, more towards the end that percentiles lie in. */
const STEPS: readonly { share: number; q: number }[] = [
  ...Array.from({ length: 16 }, (_, i) => ({ share: 0.05, q: 0.05 * (i + 0.5) })),
  ...Array.from({ length: 40 }, (_, i) => ({ share: 0.005, q: 0.8 + 0.005 * (i + 0.5) })),
]

/** The quantile of a mixture: each kind with its share, its work and its waiting. */
export function quantileOf(kinds: readonly { share: number; work: Spread; waiting: Spread }[], q: number): number {
  if (kinds.some(({ waiting: w }) => !Number.isFinite(w.mean))) return Infinity
  const units = new Map<number, number[]>()
  /** Gamma distributions of one variation differ by their scale only. */
  const unitsOf = ({ mean, variance }: Spread): number[] => {
    const cv2 = mean === 0 ? 0 : Number((variance / (mean * mean)).toPrecision(3))
    let found = units.get(cv2)
    if (!found) units.set(cv2, (found = STEPS.map((step) => inverse(work(1, cv2), step.q))))
    return found
  }
  const parts = kinds.flatMap(({ share, work: own, waiting: wait }) =>
    unitsOf(own).map((unit, i) => ({ share: share * STEPS[i]!.share, at: unit * own.mean, wait })),
  )
  const beyond = (t: number): number =>
    parts.reduce((all, { share, at, wait }) => all + share * (t < at ? 1 : longerThan(wait, t - at)), 0)
  return bisect(beyond, 1 - q, Math.max(...parts.map(({ at, wait }) => at + wait.mean), 1e-9))
}

function inverse(of: Spread, q: number): number {
  return bisect((t) => longerThan(of, t), 1 - q, of.mean)
}

/** Where a falling function comes down to `level`; `guess` is above nought. */
function bisect(falling: (t: number) => number, level: number, guess: number): number {
  let high = guess
  while (falling(high) > level && high < 1e6) high *= 2
  let low = 0
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2
    if (falling(middle) > level) low = middle
    else high = middle
  }
  return high
}

/** The regularised lower incomplete gamma function P(a, x): its series, or its continued fraction (Press and others,
 *  "Numerical Recipes", 6.2). */
export function gammaBelow(a: number, x: number): number {
  if (x <= 0) return 0
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let all = term
    for (let n = 1; n < 2000 && term > all * 1e-12; n++) {
      term *= x / (a + n)
      all += term
    }
    return Math.min(1, front * all)
  }
  // Lentz's way through the continued fraction.
  let b = x + 1 - a
  let c = 1e300
  let d = 1 / b
  let h = d
  for (let i = 1; i < 2000; i++) {
    const an = -i * (i - a)
    b += 2
    d = 1 / (an * d + b || 1e-300)
    c = b + an / c || 1e-300
    h *= d * c
    if (Math.abs(d * c - 1) < 1e-12) break
  }
  return Math.max(0, 1 - front * h)
}

/** Lanczos, g = 7. */
function logGamma(x: number): number {
  const coefficients = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
    -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ]
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const z = x - 1
  const series = coefficients.reduce((all, c, i) => all + c / (z + i + 1), 0.9999999999998099)
  const t = z + coefficients.length - 0.5
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series)
}
