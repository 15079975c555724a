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

/** A check, with what was seen. */
export function check(what: string, value: string, passed: boolean): Check {
  return { check: what, value, passed }
}

/** `12.3 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
