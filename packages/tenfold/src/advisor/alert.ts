import type { Shift } from '../evidence/index.ts'
import { describeFinding, describeRegression, headline } from './words/index.ts'
import type { Verdict } from './verdict.ts'

/** What an alert needs of a verdict. The same `key` is the same trouble: it is told once, until it is gone. */
export interface AdviceAlert {
  key: string
  severity: 'warning' | 'info'
  title: string
  says: string
  /** Page of the console. */
  href: string
}

/** The alert that a verdict is; undefined when there is nothing to tell anybody. */
export function alertOf(verdict: Verdict): AdviceAlert | undefined {
  const { bottleneck, state, regressions } = verdict
  if (!bottleneck || state === 'unknown' || state === 'healthy') return regressions[0] && slower(regressions[0])
  const { title, claim } = describeFinding(bottleneck)
  return {
    key: `advice:${bottleneck.code}:${bottleneck.subject.name}`,
    severity: state === 'harmed' ? 'warning' : 'info',
    title,
    says: `${headline(verdict)} ${claim}`,
    href: '/advice',
  }
}

/** Told before anybody is harmed: that is what it is for. */
function slower(shift: Shift): AdviceAlert {
  return {
    key: `advice:slower:${shift.kind}:${shift.name}`,
    severity: 'info',
    title: `${shift.name} has become slower`,
    says: describeRegression(shift),
    href: '/advice',
  }
}
