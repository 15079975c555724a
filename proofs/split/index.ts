/** An app whose modules run on other hosts does what it did in one process, and stands it when one of them dies. */
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { measureCalls } from './cost.ts'
import { killUnderLoad, type Ordered } from './kill.ts'
import { runSuite, SUITES, type Suite } from './suite.ts'

const MODULES = ['auth', 'catalog', 'orders', 'billing', 'notifications', 'media']

export default {
  name: 'split',
  about:
    'the shop works the same with each of its modules on another host, and with all of them; a killed one loses nothing',
  options: {
    only: 'one of `suite`, `kill` and `cost`',
    modules: 'which to split out, one run of the suite for each: `billing,all`; all of them in turn unless --quick',
    plant:
      'a fault to plant, to see it found: away (the killed host does not come back), lost (answers of calls get lost)',
  },
  run,
} satisfies Claims

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const wants = (part: string): boolean => set.only === undefined || set.only === part
  const claims: Claim[] = []
  const rows: Row[] = []
  if (wants('suite')) {
    const splits = set.modules?.split(',') ?? (quick ? ['billing', 'all'] : ['', ...MODULES, 'all'])
    for (const split of splits) {
      signal.throwIfAborted()
      log(split ? `the shop's tests with ${split} split out` : "the shop's tests in one process")
      const suite = await runSuite(split, quick ? SUITES.slice(0, 2) : SUITES, set.plant === 'lost', signal)
      for (const failure of suite.failed) log(`  failed: ${failure}`)
      claims.push(suiteClaim(split, suite))
    }
  }
  if (wants('kill')) {
    log('orders, while the host of billing is killed and started again')
    const ordered = await killUnderLoad({ kills: quick ? 1 : 5, comesBack: set.plant !== 'away', log, signal })
    claims.push(...killClaims(ordered))
  }
  if (wants('cost')) {
    log('what a call costs')
    rows.push(...(await measureCalls(quick ? 200 : 2000)))
  }
  return { claims: claims.length > 0 ? claims : [measured(rows)], rows }
}

function suiteClaim(split: string, { passed, failed, calls }: Suite): Claim {
  const all = passed + failed.length
  // A run in which no call crossed would prove nothing.
  const crossed = split === '' || calls > 0
  return {
    claim: split === '' ? 'tests of the shop in one process' : `tests of the shop, ${split} split out`,
    goal: 'all pass, by calls between hosts',
    value: `${passed} of ${all} pass, ${calls} calls`,
    holds: all > 0 && failed.length === 0 && crossed,
  }
}

function killClaims({ accepted, lost, undecided, chargedTwice, kills, elsewhere, refused }: Ordered): Claim[] {
  const claim = (text: string, goal: string, value: string, holds: boolean): Claim => ({
    claim: text,
    goal,
    value,
    holds,
  })
  return [
    claim(`orders accepted while billing was killed ${kills} time(s)`, 'at least 10', String(accepted), accepted >= 10),
    claim('of them lost', '0', String(lost), lost === 0),
    claim('of them not decided in the end', '0', String(undecided), undecided === 0),
    claim('charged twice', '0', String(chargedTwice), chargedTwice === 0),
    claim(
      'requests of the rest that failed meanwhile',
      '0',
      `${refused} of ${elsewhere}`,
      elsewhere > 0 && refused === 0,
    ),
  ]
}

function measured(rows: readonly Row[]): Claim {
  return { claim: 'calls were measured', goal: 'some', value: rows.length, holds: rows.length > 0 }
}
