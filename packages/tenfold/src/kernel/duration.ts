import { defineError } from './errors.ts'

/** A length of time: a number of milliseconds, or a number with a unit such as `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'7d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export const BadDuration = defineError('TF_BAD_DURATION', {
  says: (e: { given: string }) => `'${e.given}' is not a length of time.`,
  fix: "Give milliseconds as a number, or a number with a unit: '250ms', '30s', '5m', '2h', '7d'.",
})

/** The duration in milliseconds. Throws TF_BAD_DURATION for anything else than a finite, non-negative length. */
export function toMs(duration: Duration): number {
  const match = typeof duration === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) : null
  const ms = typeof duration === 'number' ? duration : match ? Number(match[1]) * MS[match[2] as keyof typeof MS] : NaN
  if (!Number.isFinite(ms) || ms < 0) throw BadDuration({ given: String(duration) })
  return ms
}
