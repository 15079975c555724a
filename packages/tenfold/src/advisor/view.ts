import type { Finding, Verdict } from './verdict.ts'
import { FINE } from './words/fine.ts'
import {
  describeFinding,
  describeNext,
  describeOutcome,
  describeRegression,
  headline,
  type FindingWords,
} from './words/index.ts'

/** A verdict with its words: what the console and other programs show. */
export interface AdviceView {
  verdict: Verdict
  headline: string
  next: string
  findings: (Finding & { words: FindingWords })[]
  fine: string[]
  regressions: string[]
  outcomes: string[]
}

export function viewOf(verdict: Verdict): AdviceView {
  return {
    verdict,
    headline: headline(verdict),
    next: describeNext(verdict.next, verdict.headroom),
    findings: verdict.findings.map((finding) => ({ ...finding, words: describeFinding(finding) })),
    fine: verdict.fine.map((code) => FINE[code]),
    regressions: verdict.regressions.map(describeRegression),
    outcomes: verdict.outcomes.map(describeOutcome),
  }
}
