/** Who is new, who stays, who comes back after a pause, and who stays away: from the same masks as retention. */
import type { LifecyclePeriod } from './analytics.ts'
import type { MaskCount } from './retention.ts'

type Counts = Omit<LifecyclePeriod, 'from' | 'complete'>

/** [period]; the masks begin one period earlier, since what people are depends on whether they were there before. */
export function countLifecycle(masks: readonly MaskCount[], periods: number): Counts[] {
  const counts = Array.from({ length: periods }, () => ({ new: 0, returning: 0, resurrecting: 0, dormant: 0 }))
  for (const { first, back, people } of masks) {
    counts.forEach((count, n) => {
      const [before, now] = [wasThere(back, n), wasThere(back, n + 1)]
      if (now && first === n + 1) count.new += people
      else if (now && before) count.returning += people
      else if (now) count.resurrecting += people
      else if (before) count.dormant += people
    })
  }
  return counts
}

function wasThere(mask: bigint, period: number): boolean {
  return ((mask >> BigInt(period)) & 1n) === 1n
}
