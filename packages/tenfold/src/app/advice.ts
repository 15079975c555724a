/** A verdict on the running whole, which remembers what it predicted. */
import {
  advise,
  adviceOf,
  outcomeOf,
  type Advice,
  type AdviseOptions,
  type Outcome,
  type Verdict,
} from '../advisor/index.ts'
import type { Sql } from '../database/index.ts'
import { endAdvice, endedAdvice, keepAdvice, openAdvice, type Evidence } from '../evidence/index.ts'

/** Judges, says of earlier advice whether it came true, and keeps what is advised now. */
export async function adviseLive(db: Sql, evidence: Evidence, options: AdviseOptions = {}): Promise<Verdict> {
  const before = advise(evidence, options)
  for (const { id, advice } of await openAdvice<Advice>(db)) {
    const outcome = outcomeOf(advice, evidence, before)
    if (outcome) await endAdvice(db, id, outcome.cameTrue, outcome)
  }
  const verdict = advise(evidence, { ...options, outcomes: await endedAdvice<Outcome>(db) })
  const advice = adviceOf(verdict)
  if (advice) await keepAdvice(db, `${advice.code} ${advice.subject.name}`, advice)
  return verdict
}
