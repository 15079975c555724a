/** What the judgements stand on: medians, bootstrap, permutation. All of it is repeated by its seed. */
import { seeded } from '../generate/timetable.ts'

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Linear between the two nearest values (type 7 of Hyndman and Fan, 1996). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] ?? NaN
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at % 1)
}

/** Pairs of samples that may be compared with each other only: one for each rate. */
export interface Stratum {
  before: readonly number[]
  after: readonly number[]
}

/** By how much `after` lies above `before`: the median of all differences (Hodges and Lehmann, 1963), over all strata. */
export function shiftOf(strata: readonly Stratum[]): number {
  return median(strata.flatMap(({ before, after }) => after.flatMap((b) => before.map((a) => b - a))))
}

/** The interval that 95 % of the shifts of resampled data lie in (percentile bootstrap, Efron 1979). */
export function shiftInterval(strata: readonly Stratum[], seed: number, rounds = 1000): [low: number, high: number] {
  const random = seeded(seed)
  const again = (values: readonly number[]): number[] => values.map(() => values[Math.floor(random() * values.length)]!)
  const shifts = Array.from({ length: rounds }, () =>
    shiftOf(strata.map(({ before, after }) => ({ before: again(before), after: again(after) }))),
  )
  return [quantile(shifts, 0.025), quantile(shifts, 0.975)]
}

/** How often chance alone would rank `after` as high as it is, or higher: the test of Wilcoxon, Mann and Whitney (1947), in
 *  strata as van Elteren (1960), its distribution by permutation, so that few samples and ties are no trouble. */
export function chanceOfHigher(strata: readonly Stratum[], seed: number, rounds = 4000): number {
  const random = seeded(seed)
  const ranked = strata.map(({ before, after }) => {
    const ranks = ranksOf([...before, ...after])
    return { ranks, from: before.length, weight: 1 / (ranks.length + 1) }
  })
  const statistic = (): number =>
    ranked.reduce((sum, { ranks, from, weight }) => sum + weight * ranks.slice(from).reduce((a, b) => a + b, 0), 0)
  const seen = statistic()
  let asHigh = 1
  for (let i = 0; i < rounds; i++) {
    for (const { ranks } of ranked) shuffle(ranks, random)
    if (statistic() >= seen - 1e-9) asHigh++
  }
  return asHigh / (rounds + 1)
}

/** From 1; equal values share the mean of theirs. */
function ranksOf(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length
    const equal = values.filter((other) => other === value).length
    return below + (equal + 1) / 2
  })
}

function shuffle(values: number[], random: () => number): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = values[i]!
    values[i] = values[j]!
    values[j] = kept
  }
}
