/** What a fault cost the people in the shop, beside what is promised. */
import type { Asked, Kind } from './load.ts'
import type { Promised } from './promises.ts'

export interface Judged {
  failed: Record<Kind, number>
  seconds: {
    /** From the first request that failed to the end of the last one. */
    failing: number
    /** From when what broke was back to the beginning of the last request that failed. */
    afterMend: number
  }
  /** Of the answers that came. */
  slowestS: number
  /** What came instead of answers, and how often. */
  why: string
  /** Where more failed than was promised. */
  breaches: string[]
}

/** What was on its way when something was killed cannot know yet; a balancer notices by the first that is refused. */
const UNDER_WAY_MS = 500
const KINDS: readonly Kind[] = ['reads', 'writes', 'files']

/** Times are milliseconds of the load: when it was struck, and when all was back. */
export function judge(asked: readonly Asked[], promise: Promised, struckAt: number, mendedAt: number): Judged {
  const lost = asked.filter(({ failed }) => failed !== undefined)
  const breaches = KINDS.flatMap((kind) => {
    const beyond = lost.filter((one) => one.kind === kind && !allowed(one, promise, struckAt, mendedAt))
    return beyond.length > 0 ? [`${beyond.length} ${kind} failed that should not: ${reasons(beyond)}`] : []
  })
  const answered = asked.filter(({ failed }) => failed === undefined)
  return {
    failed: Object.fromEntries(
      KINDS.map((kind) => [kind, lost.filter((one) => one.kind === kind).length]),
    ) as Judged['failed'],
    seconds: {
      failing:
        lost.length === 0
          ? 0
          : seconds(Math.max(...lost.map(({ to }) => to)) - Math.min(...lost.map(({ from }) => from))),
      afterMend: lost.length === 0 ? 0 : Math.max(0, seconds(Math.max(...lost.map(({ from }) => from)) - mendedAt)),
    },
    slowestS: seconds(Math.max(0, ...answered.map(({ from, to }) => to - from))),
    why: reasons(lost),
    breaches,
  }
}

function allowed(one: Asked, promise: Promised, struckAt: number, mendedAt: number): boolean {
  // What the machine can do is no part of the promise; the table shows it.
  if (one.failed?.endsWith('TF_OVERLOADED')) return true
  if (one.to < struckAt) return false
  switch (promise[one.kind]) {
    case 'go on':
      return false
    case 'under way':
      return one.from <= struckAt + UNDER_WAY_MS
    case 'until back':
      return one.from <= mendedAt + promise.backWithinS * 1000
  }
}

function reasons(lost: readonly Asked[]): string {
  const counts = new Map<string, number>()
  for (const { failed } of lost) counts.set(failed!, (counts.get(failed!) ?? 0) + 1)
  return [...counts].map(([what, n]) => `${n} x ${what}`).join(', ')
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10
}
