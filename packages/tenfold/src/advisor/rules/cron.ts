import type { Evidence } from '../../evidence/index.ts'
import { check, type Rule } from '../rule.ts'
import { without } from '../signals.ts'

const RATIO = 1.6
const LEAST_RUNS = 3
const LEAST_INSIDE = 20
const PLACEBOS = 40

/** Requests are slower while a cron runs, and not just by chance: the same runs, shifted in time, are tried as a placebo. */
export const cronInterferes: Rule = {
  code: 'cron-interferes',
  version: 1,
  class: 'placement',
  judge({ evidence, promised, felt, lost }) {
    const { traffic, crons, window } = evidence
    for (const { name, runs } of crons) {
      if (runs.length < LEAST_RUNS) continue
      const { ratio, inside, insideMs, slowInside } = compare(traffic.seconds, runs, 0)
      if (inside < LEAST_INSIDE || ratio < RATIO || (insideMs < promised && slowInside < 0.05)) continue
      const span = Math.max(1000, window.to - window.from)
      const shifts = Array.from({ length: PLACEBOS }, (_, i) => ((i + 1) * span) / (PLACEBOS + 1))
      const asLarge = shifts.filter((shift) => compare(traffic.seconds, wrapped(runs, shift, window), 0).ratio >= ratio)
      const chance = asLarge.length / PLACEBOS
      if (chance > 0.1) continue
      const share = (insideMs * (1 - 1 / ratio) * inside) / lost
      return {
        subject: { kind: 'cron', name },
        share: Math.min(1, share),
        proofs: [
          { signal: 'times as slow while it runs', value: ratio, threshold: RATIO, unit: 'count' },
          { signal: 'runs', value: runs.length, threshold: LEAST_RUNS, unit: 'count' },
        ],
        against: [
          check('it would look so by chance', `${asLarge.length} of ${PLACEBOS} shifted in time`, chance <= 0.1),
        ],
        facts: { cron: name, ratio, runs: runs.length, insideMs },
        expected: { what: 'p95', ...without(felt, Math.min(0.9, 1 - 1 / ratio)) },
      }
    }
    return undefined
  },
}

type Runs = { at: number; ms: number }[]

function compare(seconds: Evidence['traffic']['seconds'], runs: Runs, lag: number) {
  const sums = { in: [0, 0, 0], out: [0, 0, 0] }
  for (const [at, n, ms, slow] of seconds) {
    const during = runs.some((run) => at + 1000 > run.at + lag && at < run.at + run.ms + lag)
    const sum = during ? sums.in : sums.out
    sum[0]! += n
    sum[1]! += ms
    sum[2]! += slow
  }
  const [inside, insideTotal, slow] = sums.in as [number, number, number]
  const [outside, outsideTotal] = sums.out as [number, number, number]
  const insideMs = insideTotal / Math.max(1, inside)
  const outsideMs = outsideTotal / Math.max(1, outside)
  return {
    inside,
    insideMs,
    slowInside: slow / Math.max(1, inside),
    ratio: outside === 0 ? 0 : insideMs / Math.max(0.1, outsideMs),
  }
}

/** Shifted in a circle: what leaves the window at its end comes back at its beginning. */
function wrapped(runs: Runs, shift: number, { from, to }: Evidence['window']): Runs {
  const span = Math.max(1, to - from)
  return runs.map(({ at, ms }) => ({ at: from + ((at - from + shift) % span), ms }))
}
