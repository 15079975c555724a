import type { Signals } from './signals.ts'
import type { Check, Finding, FindingCode, StepClass } from './verdict.ts'

/** What a rule says of the evidence: a finding, without what all findings have in common. */
export type Judgement = Omit<Finding, 'code' | 'rule' | 'class' | 'confidence'> & {
  /** The proof is structural (counts, plans, locks): it holds however busy the machine is. */
  structural?: boolean
}

export interface Rule {
  code: FindingCode
  /** Grows when the rule judges differently. */
  version: number
  class: StepClass
  /** Undefined: it is not that. */
  judge(signals: Signals): Judgement | undefined
}

/** An earlier class that explains this much of the loss is put right first. */
export const WORTH = 0.3

/** Whether one of these explains what a rule would name for lack of anything more exact: what explains nearly nothing, and less than
 *  half of what that rule does, happens to be there as well. */
export function isNamedBy(rivals: readonly Rule[], signals: Signals, own: number): boolean {
  return rivals.some((rule) => isRival(rule.judge(signals), own))
}

export function isRival(rival: Judgement | undefined, own: number): boolean {
  return rival !== undefined && rival.share >= Math.min(WORTH, own / 2)
}

/** A check, with what was seen. */
export function check(what: string, value: string, passed: boolean): Check {
  return { check: what, value, passed }
}

/** `12.3 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
