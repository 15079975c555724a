import type { Shift } from '../evidence/index.ts'
import { describeFinding, describeRegression } from './words/index.ts'
import type { Finding, Verdict } from './verdict.ts'

/** What a verdict tells those who did not ask. The same cause and subject are the same trouble. */
export interface AdviceAlert {
  cause: Finding['code'] | 'slower'
  subject: string
  confidence: Finding['confidence']
  says: string
}

/** The cause that is named, and what has become slower; undefined while there is too little evidence to say that it is gone. */
export function alertsOf({ bottleneck, state, next, regressions }: Verdict): AdviceAlert[] | undefined {
  if (state === 'unknown') return undefined
  // A cause that nobody could do anything about is no news.
  const named = bottleneck && next.kind === 'step' ? [advised(bottleneck)] : []
  return [...named, ...regressions.map(slower)]
}

function advised(finding: Finding): AdviceAlert {
  const { title, claim, step } = describeFinding(finding)
  return {
    cause: finding.code,
    subject: finding.subject.name,
    confidence: finding.confidence,
    says: `${title}. ${claim} Next step: ${step.title}.`,
  }
}

/** Told before anybody is harmed: that is what it is for. It has been slower than ever for hours: that is sure. */
function slower(shift: Shift): AdviceAlert {
  return {
    cause: 'slower',
    subject: `${shift.kind} ${shift.name}`,
    confidence: 'high',
    says: `${describeRegression(shift)}.`,
  }
}
