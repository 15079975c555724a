/** A verdict on the running whole, which remembers what it predicted. The only part of the advisor that asks a database. */
import type { Sql } from '../database/index.ts'
import { endAdvice, endedAdvice, keepAdvice, openAdvice, type Evidence } from '../evidence/index.ts'
import { advise, type AdviseOptions } from './advise.ts'
import { adviceOf, outcomeOf, type Advice } from './outcomes.ts'
import type { Outcome, Verdict } from './verdict.ts'
import { viewOf, type AdviceView } from './view.ts'

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

const FRESH_MS = 10_000

/** A verdict with its words, at most ten seconds old: whoever looks at the same time gets the same answer, since to gather
 *  costs some queries. */
export function createAdvice(db: Sql, gather: () => Promise<Evidence>): () => Promise<AdviceView> {
  let latest: { at: number; view: Promise<AdviceView> } | undefined
  return () => {
    const now = performance.now()
    if (!latest || now - latest.at > FRESH_MS) {
      const view = gather()
        .then((found) => adviseLive(db, found))
        .then(viewOf)
      latest = { at: now, view }
      view.catch(() => (latest = undefined))
    }
    return latest.view
  }
}
