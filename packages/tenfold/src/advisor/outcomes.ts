/** Whether what was predicted came true. */
import type { Evidence, PastAdvice } from '../evidence/index.ts'
import { RULES } from './rules/index.ts'
import { signalsOf } from './signals.ts'
import type { Expectation, Finding, Outcome, Verdict } from './verdict.ts'

/** What the evidence tells of earlier advice: of causes that are known here, since it may come from a newer version. */
export function outcomesIn({ outcomes = [] }: Evidence): Outcome[] {
  const isKnown = ({ code, predicted }: PastAdvice): boolean =>
    RULES.some((rule) => rule.code === code) && predicted.what in SLACK
  return outcomes.filter(isKnown) as Outcome[]
}

/** Advice as it is kept. */
export type Advice = Pick<Finding, 'code' | 'subject' | 'expected'> & { perSecond: number }

/** What of a verdict is kept to be compared later; undefined when it advises nothing. */
export function adviceOf({ next, felt }: Verdict): Advice | undefined {
  if (next.kind !== 'step') return undefined
  const { code, subject, expected } = next.finding
  return { code, subject, expected, perSecond: felt.perSecond }
}

/** A quarter more than predicted is still as predicted: another day is never quite the same. */
const TOLERANCE = 1.25
/** Beside that, in the unit of what was predicted: what nobody would notice. */
const SLACK: Readonly<Record<Expectation['what'], number>> = {
  p95: 2,
  'wait of jobs': 1000,
  'failed runs': 0.02,
  'heap growth': 50_000,
  connections: 2,
  'replica lag': 500,
}
/** Less load proves nothing. Where the signs are still there and only do no harm any more, it has to be the same load. */
const LEAST_LOAD = 0.5
const SAME_LOAD = 0.9

/** What came of it, as soon as the cause is gone; undefined as long as it is there, or the load is too small to tell. */
export function outcomeOf(advice: Advice, evidence: Evidence, verdict: Verdict): Outcome | undefined {
  const { code, subject, expected, perSecond } = advice
  if (verdict.state === 'unknown' || verdict.felt.perSecond < perSecond * LEAST_LOAD) return undefined
  const isIt = (one: Finding | undefined): boolean => one?.code === code && one.subject.name === subject.name
  if (isIt(verdict.bottleneck)) return undefined
  const measured = measure(advice, evidence)
  if (measured === undefined) return undefined
  const cameTrue = measured <= expected.high * TOLERANCE + SLACK[expected.what]
  if (verdict.findings.some(isIt) && !(cameTrue && verdict.felt.perSecond >= perSecond * SAME_LOAD)) return undefined
  return { code, subject, predicted: expected, measured, cameTrue }
}

function measure({ expected }: Advice, evidence: Evidence): number | undefined {
  const { what, of } = expected
  const work = [...evidence.routes, ...evidence.jobs].find(({ name }) => name === of)
  if (what === 'p95') return of === undefined ? signalsOf(evidence).felt : work?.p95
  if (what === 'wait of jobs') return evidence.queue.oldestMs
  if (what === 'failed runs') return work && work.count > 0 ? work.errors / work.count : undefined
  if (what === 'replica lag')
    return evidence.database && Math.max(0, ...evidence.database.replicas.map(({ lagMs }) => lagMs))
  if (what === 'connections') return evidence.database?.connections
  return Math.max(0, ...evidence.processes.map(({ heapGrowth }) => heapGrowth ?? 0))
}
