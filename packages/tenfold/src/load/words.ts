/** What was found, in sentences: the only place that has them. */
import type { Comparison } from './judge/compare.ts'
import type { Knee } from './judge/knee.ts'
import type { Interval, UslFit } from './judge/usl.ts'

export function wordsOfKnee({ goal, rate, failedAt, because }: Knee): string {
  const word = `p95 within ${goal.p95} ms and at most ${number(goal.errors * 100)} % errors`
  if (rate === undefined && failedAt === undefined) return 'No knee: no open step was valid.'
  if (failedAt === undefined) return `The knee was not reached: ${number(rate!)} a second still met ${word}.`
  const missed = `at ${number(failedAt)} a second: ${because.join(', ')}`
  return rate === undefined
    ? `Even the least load missed ${word}; ${missed}.`
    : `The knee is between ${number(rate)} and ${number(failedAt)} a second: up to there ${word}; ${missed}.`
}

export function wordsOfUsl(usl: UslFit | undefined): string[] {
  if (!usl) return ['Scalability was not fitted: it takes at least four different loads.']
  const { alone, contention, crosstalk, peak, peakReached, points, error } = usl
  if (!usl.fits) {
    return [
      `The scalability law does not fit these points (off by ${number(error * 100)} % on average), so nothing is said from it. \`--users 1,2,4,8,16\` measures it directly.`,
    ]
  }
  const farthest = number(Math.max(...points.map(({ n }) => n)))
  const share = (of: Interval): string =>
    `${number(of.value * 100)} % (${number(of.low * 100)} to ${number(of.high * 100)})`
  const lines = [
    `One at a time does ${interval(alone)} a second; contention ${share(contention)}, crosstalk ${share(crosstalk)}; the fit is off by ${number(error * 100)} % on average.`,
  ]
  if (!peakReached) {
    lines.push(
      `The peak was not reached: nothing was measured past it, up to ${farthest} at once. More load may do more.`,
    )
  } else if (peak) {
    lines.push(
      `The most is ${interval(peak.x)} a second, with ${interval(peak.n)} at work at once; more at once do less.`,
    )
  }
  return lines
}

const MEASURES = { p50: 'p50', p95: 'p95', achieved: 'done a second' }

export function wordsOfComparison({ changes, errors, verdict, steps }: Comparison): string[] {
  const rounds = steps.map(({ load, before, after }) => `${load} (${before} and ${after} rounds)`).join(', ')
  return [
    `Compared at ${rounds}.`,
    ...changes.map(({ measure, ratio, low, high, chance, verdict: found }) => {
      const size = `${signed(ratio)} (${signed(low)} to ${signed(high)})`
      return `${MEASURES[measure]}: ${size}, by chance ${chance < 0.001 ? 'less than 1 in 1000' : `${number(chance * 100)} %`}: ${found}`
    }),
    ...(errors.worse
      ? [`errors: ${number(errors.before * 100)} % before, ${number(errors.after * 100)} % after: worse`]
      : []),
    {
      slower: 'It got slower.',
      faster: 'It got faster.',
      same: 'No change that matters.',
      'not clear': 'Not clear: more rounds would tell (--repeat).',
    }[verdict],
  ]
}

function signed(ratio: number): string {
  const percent = (ratio - 1) * 100
  return `${percent >= 0 ? '+' : ''}${number(percent)} %`
}

function interval({ value, low, high }: Interval): string {
  return `${number(value)} (${number(low)} to ${number(high)})`
}

function number(value: number): string {
  if (!Number.isFinite(value)) return 'no end'
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
