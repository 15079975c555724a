/** Every way around the boundary of a module that we could think of is closed: in Postgres, in the type checker, in
 *  `tenfold check`; and what that costs. */
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { attemptAll } from './attempts.ts'
import { measureCost, type Cost } from './cost.ts'
import { crossAll } from './crossing.ts'

export default {
  name: 'boundaries',
  about: 'a module cannot get at the tables of another one, nor call what it has not declared; and what that costs',
  options: {
    hole: 'SQL that the administrator runs before, to see that the proof finds what it opens',
    only: 'sql: makes the attempts and leaves out the rest; code: leaves out the measurement of what it costs; cost: that alone',
  },
  run,
} satisfies Claims

interface Tried {
  /** How: in SQL, in a migration, in code. */
  by: string
  what: string
  result: string
  held: boolean
}

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  if (set.only === 'cost') {
    const costs = await costOf(quick, signal)
    return { claims: costClaims(costs), rows: costs.map(rowOfCost) }
  }
  log('what a module can try in SQL')
  const attempts = await attemptAll(set.hole)
  log('what it can write in code')
  const crossings = set.only === 'sql' ? [] : await crossAll()
  const inCode = (by: string): Tried[] => crossings.filter((one) => one.by === by)
  const inSql = (kind: string): Tried[] =>
    attempts.filter((one) => one.kind === kind).map((one) => ({ ...one, by: kind }))
  const claims: Claim[] = [
    all('attempts of a module that Postgres refuses', inSql('bypass')),
    all(
      'attempts that the administrator succeeds with (the others prove nothing)',
      attempts.map(({ proves }) => ({ held: proves })),
    ),
    all('attempts in migration files that are refused', inSql('migration')),
    all('what is allowed by design, and works', inSql('allowed')),
  ]
  if (set.only !== 'sql') {
    claims.push(
      all('crossings that the type checker finds on their line, and legal code that passes', inCode('tsc')),
      all(
        'crossings that `tenfold check` finds with file and line, and legal code that passes',
        inCode('tenfold check'),
      ),
    )
  }
  const tried = [...inSql('bypass'), ...inSql('migration'), ...inSql('allowed'), ...crossings]
  const rows: Row[] = tried.map(({ by, what, result, held }) => ({ by, what, holds: held, result: short(result) }))
  if (set.only) return { claims, rows }

  log('what it costs')
  const costs = await costOf(quick, signal)
  return { claims: [...claims, ...costClaims(costs)], rows: [...rows, ...costs.map(rowOfCost)] }
}

function costOf(quick: boolean, signal: AbortSignal): Promise<Cost[]> {
  return measureCost({ rounds: quick ? 8 : 40, sliceMs: quick ? 200 : 300, signal })
}

function all(claim: string, of: readonly { held: boolean }[]): Claim {
  const held = of.filter((one) => one.held).length
  return { claim, goal: `all ${of.length}`, value: held, holds: of.length > 0 && held === of.length }
}

/** Two identical databases differ as well: what is less than that is not seen. */
function costClaims([, same, ...separate]: readonly Cost[]): Claim[] {
  const noise = Math.abs(same!.ratio - 1)
  return separate.map(({ variant, ratio }) => ({
    claim: `CPU of the client for each query: ${variant}, against one role for all`,
    goal: 'at most 2 % more, beyond what two identical runs differ by',
    value: `${percent(ratio - 1)} (identical runs: ${percent(same!.ratio - 1)})`,
    holds: ratio - 1 <= 0.02 + noise && noise <= 0.1,
  }))
}

function rowOfCost({ variant, queriesPerSecond, cpuMicroseconds, ratio }: Cost): Row {
  const numbers = `${Math.round(queriesPerSecond)} queries/s, ${cpuMicroseconds.toFixed(1)} µs CPU each, ${percent(ratio - 1)}`
  return { by: 'cost', what: variant, holds: true, result: numbers }
}

function percent(share: number): string {
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`
}

function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 110 ? `${line.slice(0, 109)}…` : line
}
