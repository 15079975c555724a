/** What `--rate`, `--users`, `--for` and `--threshold` mean. */
import { toMs, type Duration } from '../kernel/index.ts'
import type { Stage } from '../load/index.ts'
import { BadOptionValue } from './errors.ts'

type Flags = Record<string, string | boolean | undefined>

/** `50`, `50,100,200`, `10..500`; undefined when neither rate nor users were given. */
export function stagesOf({ rate, users, for: time }: Flags): Stage[] | undefined {
  const ms = durationOf('--for', time ?? '10s')
  if (users !== undefined) {
    return String(users)
      .split(',')
      .map((one) => ({ users: numberOf('--users', one, 'whole'), for: ms }))
  }
  if (rate === undefined) return undefined
  const [from, to, ...rest] = String(rate).split('..')
  if (to !== undefined) {
    if (rest.length > 0)
      throw BadOptionValue({ option: '--rate', value: String(rate), allowed: 'a ramp such as 10..500' })
    return [{ rate: numberOf('--rate', from!), to: numberOf('--rate', to), for: ms }]
  }
  return from!.split(',').map((one) => ({ rate: numberOf('--rate', one), for: ms }))
}

export function thresholdsOf(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(',').map((rule) => {
      const [, name, value] =
        /^\s*((?:.+ )?(?:p50|p90|p95|p99|p999|max|mean|errors))\s*=\s*([\d.]+)\s*$/.exec(rule) ?? []
      if (name === undefined) {
        throw BadOptionValue({ option: '--threshold', value: rule, allowed: 'rules such as p95=200,errors=0.01' })
      }
      return [name, Number(value)]
    }),
  )
}

export function durationOf(option: string, value: string | boolean): number {
  try {
    const ms = toMs(String(value) as Duration)
    if (ms >= 100) return ms
  } catch {
    // Answered below, with the name of the option.
  }
  throw BadOptionValue({ option, value: String(value), allowed: 'a time such as 10s or 2m, at least 100ms' })
}

/** A number above 0, such as `2`, `0.5` or `1m` for a million. */
export function numberOf(option: string, value: string | boolean, kind: 'any' | 'whole' = 'any'): number {
  const [, digits, unit = ''] = /^([\d.]+)([kmKM]?)$/.exec(String(value).trim()) ?? []
  const number = Number(digits) * { '': 1, k: 1e3, m: 1e6 }[unit.toLowerCase()]!
  if (digits !== undefined && number > 0 && (kind === 'any' || Number.isInteger(number))) return number
  throw BadOptionValue({
    option,
    value: String(value),
    allowed: kind === 'whole' ? 'a whole number from 1' : 'a number above 0',
  })
}
