/** N+1 queries are found, what only looks like them is let alone, and watching costs next to nothing. */
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { later } from './cases/later.ts'
import { lookalikes } from './cases/lookalikes.ts'
import { reads } from './cases/reads.ts'
import { work } from './cases/work.ts'
import { measureCost } from './cost.ts'
import { rivals } from './rivals.ts'
import { runCases, type Outcome } from './run.ts'

const CASES = [...reads, ...work, ...lookalikes, ...later]
const OURS = 'tenfold: by provenance'

export default {
  name: 'nplus1',
  about: 'N+1 queries are found, look-alikes are let alone, at no more than a microsecond for each query',
  options: { only: 'runs the cases whose names contain this' },
  run,
} satisfies Claims

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const cases = CASES.filter(({ name }) => name.includes(set.only ?? ''))
  log(`${cases.length} cases`)
  const outcomes = await runCases(cases, { signal, log })
  for (const { one, failed } of outcomes) if (failed !== undefined) log(`'${one.name}' broke: ${failed}`)
  for (const outcome of outcomes)
    if (!isRight(outcome) || (isFound(outcome) && !isNamed(outcome))) log(describe(outcome))
  const costs = await measureCost(quick ? 15 : 60, { signal, log })

  const guilty = outcomes.filter(({ one }) => one.label === 'n-plus-one')
  const innocent = outcomes.filter(({ one }) => one.label === 'fine')
  const ours = score(outcomes, isFound)
  const named = guilty.filter((outcome) => isFound(outcome) && isNamed(outcome)).length
  const claims: Claim[] = [
    claim(
      'cases that ran to their end',
      '100 %',
      outcomes.filter(({ failed }) => failed === undefined).length,
      outcomes.length,
      1,
    ),
    claim('N+1 found', 'at least 95 %', ours.found, guilty.length, 0.95),
    claim(
      'of them with the right statement, the source of its keys and a line of the case',
      'at least 95 %',
      named,
      ours.found,
      0.95,
    ),
    {
      claim: 'false alarms among look-alikes',
      goal: 'at most 5 %',
      value: `${ours.alarms} of ${innocent.length}`,
      holds: ours.alarms <= innocent.length * 0.05,
    },
    ...costs.map(({ what, microsecondsPerQuery }) => ({
      claim: `CPU for each query: ${what}`,
      goal: what.startsWith('an N+1') ? 'at most 3 µs' : 'at most 1 µs',
      value: `${microsecondsPerQuery.toFixed(2)} µs`,
      holds: microsecondsPerQuery <= (what.startsWith('an N+1') ? 3 : 1),
    })),
  ]
  const rows: Row[] = [
    { rule: OURS, found: share(ours.found, guilty.length), 'false alarms': share(ours.alarms, innocent.length) },
    ...rivals.map(({ name }) => {
      const { found, alarms } = score(outcomes, (outcome) => outcome.rivals[name] === true)
      return { rule: name, found: share(found, guilty.length), 'false alarms': share(alarms, innocent.length) }
    }),
    ...outcomes.filter((outcome) => !isRight(outcome)).map(({ one }) => ({ rule: `wrong about: ${one.name}` })),
  ]
  return { claims, rows }
}

const isFound = ({ findings }: Outcome): boolean => findings.some(({ code }) => code === 'n-plus-one')

const isRight = (outcome: Outcome): boolean => isFound(outcome) === (outcome.one.label === 'n-plus-one')

/** It says which statement, where its keys came from, and where in the code. */
function isNamed({ one, findings }: Outcome): boolean {
  return findings.some(
    (finding) =>
      finding.code === 'n-plus-one' &&
      (one.names?.test(finding.query) ?? true) &&
      finding.source.query !== '' &&
      /nplus1\/(?:cases\/|store\.ts)/.test(finding.callSite?.file ?? ''),
  )
}

function score(outcomes: readonly Outcome[], found: (outcome: Outcome) => boolean): { found: number; alarms: number } {
  const said = outcomes.filter(found)
  return {
    found: said.filter(({ one }) => one.label === 'n-plus-one').length,
    alarms: said.filter(({ one }) => one.label === 'fine').length,
  }
}

function claim(text: string, goal: string, value: number, of: number, least: number): Claim {
  return { claim: text, goal, value: `${value} of ${of}`, holds: of > 0 && value >= of * least }
}

function share(value: number, of: number): string {
  return `${value} of ${of}`
}

function describe({ one, findings }: Outcome): string {
  const what = one.label === 'fine' ? 'false alarm' : findings.length > 0 ? 'not named' : 'missed'
  return `${what}: ${one.name} ${JSON.stringify(findings)}`
}
