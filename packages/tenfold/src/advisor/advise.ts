import type { Evidence } from '../evidence/index.ts'
import { headroomOf } from './headroom.ts'
import { RULES } from './rules/index.ts'
import { outcomesIn } from './outcomes.ts'
import { type Judgement, type Rule, WORTH } from './rule.ts'
import { type Signals, signalsOf } from './signals.ts'
import {
  CLASSES,
  type Finding,
  type FindingCode,
  type Limit,
  type Next,
  type Outcome,
  type Verdict,
} from './verdict.ts'

export interface AdviseOptions {
  /** Least evidence for advice. Default to 200 requests or jobs, in 60 seconds. */
  leastRequests?: number
  leastSeconds?: number
  /** What came of earlier advice. Defaults to what the evidence says of it. */
  outcomes?: readonly Outcome[]
}

/** Judges evidence. Pure: nothing else is read.
 *  @example
 *  const verdict = advise(evidence)
 *  verdict.next          // -> { kind: 'step', finding: { code: 'missing-index', … } } */
export function advise(evidence: Evidence, options: AdviseOptions = {}): Verdict {
  const signals = signalsOf(evidence)
  const outcomes = options.outcomes ?? outcomesIn(evidence)
  const findings = RULES.flatMap((rule) => found(rule, signals, outcomes))
  const headroom = headroomOf(evidence, signals)
  const missing = lacks(evidence, options)
  const tight = headroom.limits[0] && headroom.limits[0].times < TIGHT ? headroom.limits[0] : undefined
  const bottleneck = missing ? undefined : firstNamed(findings, signals, tight)
  const state = missing
    ? 'unknown'
    : signals.harm.length > 0
      ? 'harmed'
      : tight || bottleneck
        ? 'near a limit'
        : 'healthy'
  const { traffic } = evidence
  return {
    version: 1,
    app: evidence.app,
    givenAt: evidence.takenAt,
    window: evidence.window,
    stage: evidence.configuration.stage,
    state,
    felt: {
      p95: signals.felt,
      promised: signals.promised,
      perSecond: traffic.perSecond,
      errors: traffic.errors / Math.max(1, traffic.requests),
    },
    ...(bottleneck && { bottleneck }),
    findings: ranked(findings),
    fine: missing ? [] : RULES.map(({ code }) => code).filter((code) => isFine(code, findings, evidence)),
    headroom,
    next: missing ?? nextOf(bottleneck, state, signals),
    regressions: evidence.shifts ?? [],
    outcomes: [...outcomes],
  }
}

/** So close to a limit that something has to be done although nobody feels it yet. */
const TIGHT = 1.15
const WORTH_BESIDE_OTHERS = 0.2

/** What harms users soon, however quick requests are now. */
const BY_THEMSELVES: ReadonlySet<FindingCode> = new Set(['memory-grows', 'too-many-connections', 'replica-lags'])
/** What makes requests fail at once, without slowing them down before. */
const ALSO_FAIL: ReadonlySet<FindingCode> = new Set(['too-many-connections', 'lock-contention'])
const OF_JOBS: ReadonlySet<FindingCode> = new Set(['too-few-workers', 'jobs-stand-still', 'poison-job'])
/** What slows down jobs as it does requests. */
const OF_BOTH: ReadonlySet<FindingCode> = new Set(['database-shares-host', 'database-taken', 'host-is-busy'])
const OF_LIMIT: Record<Limit['resource'], readonly FindingCode[]> = {
  'event loop': ['cpu-bound-route', 'over-fetch', 'n-plus-one', 'event-loop-stalls', 'event-loop-full'],
  'database CPU': [
    'missing-index',
    'costly-query',
    'n-plus-one',
    'dead-rows',
    'database-taken',
    'database-cpu',
    'database-shares-host',
  ],
  'connection pool': ['lock-contention', 'long-transaction', 'missing-index', 'costly-query', 'pool-too-small'],
  connections: ['too-many-connections'],
  workers: ['poison-job', 'jobs-stand-still', 'too-few-workers'],
  memory: ['memory-grows', 'heap-full'],
}

/** Nothing was found, and nothing was seen of it that only harms nobody. */
function isFine(code: FindingCode, findings: readonly Finding[], { repeats, routes }: Evidence): boolean {
  if (findings.some((one) => one.code === code)) return false
  if (code !== 'n-plus-one') return true
  const repeated = routes.some(({ count, queries }) =>
    queries.some((query) => query.repeated >= Math.max(1, count / 2)),
  )
  return !repeated && !repeats.some((one) => one.code === 'n-plus-one')
}

function found(rule: Rule, signals: Signals, outcomes: readonly Outcome[]): Finding[] {
  const judgement = rule.judge(signals)
  if (!judgement) return []
  const { structural, ...rest } = judgement
  const refuted = outcomes.some(({ code, cameTrue }) => code === rule.code && !cameTrue)
  const confidence = confidenceIn(judgement, structural === true, refuted, signals)
  return [{ code: rule.code, rule: rule.version, class: rule.class, confidence, ...rest }]
}

function confidenceIn(
  { against }: Judgement,
  structural: boolean,
  refuted: boolean,
  { foreign }: Signals,
): Finding['confidence'] {
  const failed = against.filter(({ passed }) => !passed).length
  if (refuted || failed > 1) return 'low'
  if (failed === 1 || (!structural && foreign.share > 0.25)) return 'medium'
  return structural ? 'high' : 'medium'
}

/** Cheapest class first; in it, what explains most. */
function ranked(findings: readonly Finding[]): Finding[] {
  const order = (finding: Finding): number => CLASSES.indexOf(finding.class)
  // A machine that others take makes everything longer, so that the share of any cause in the app looks smaller than it is.
  const worth = findings.some((one) => one.class === 'outside') ? WORTH_BESIDE_OTHERS : WORTH
  return findings.toSorted((a, b) => {
    const [worthA, worthB] = [a.share >= worth, b.share >= worth]
    if (worthA !== worthB) return worthA ? -1 : 1
    return order(a) - order(b) || b.share - a.share
  })
}

function firstNamed(findings: readonly Finding[], { harm }: Signals, tight: Limit | undefined): Finding | undefined {
  const all = ranked(findings)
  const isOfJobs = ({ code, subject }: Finding): boolean => OF_JOBS.has(code) || subject.kind === 'job'
  const ofJobs = all.filter(
    (one) => (isOfJobs(one) && one.share >= SMALLEST) || Number(one.facts['ofJobs'] ?? 0) >= WORTH,
  )
  const ofRequests = all.filter((one) => !isOfJobs(one))
  const slow = harm.some((kind) => kind !== 'jobs')
  // Found only where nothing is slow: then what would make requests slow is not what harms.
  const failing = ofRequests.find(({ code }) => code === 'route-fails')
  if (slow) {
    const causes = failing ? ofRequests.filter(({ code }) => ALSO_FAIL.has(code)) : ofRequests
    const first = causes.find(({ share }) => share >= SMALLEST) ?? failing
    // Somebody else's load excuses nothing that is wrong with jobs.
    const jobs = harm.includes('jobs') ? ofJobs[0] : undefined
    if (first) return first.class === 'outside' ? (jobs ?? first) : first
  }
  if (harm.includes('jobs')) {
    const first = ofJobs[0] ?? all.find(({ code }) => OF_BOTH.has(code))
    if (first) return first
  }
  const alone = all.find(({ code }) => BY_THEMSELVES.has(code))
  if (alone) return alone
  if (tight && !slow) return all.find(({ code }) => OF_LIMIT[tight.resource].includes(code))
  return undefined
}

/** What explains less is a finding, but not the cause. */
const SMALLEST = 0.1

function nextOf(bottleneck: Finding | undefined, state: Verdict['state'], { spike }: Signals): Next {
  if (!bottleneck && state === 'healthy' && spike)
    return { kind: 'nothing', why: 'a spike has passed', seconds: spike.seconds, times: spike.times }
  if (!bottleneck) return { kind: 'nothing', why: state === 'healthy' ? 'healthy' : 'no cause found' }
  if (bottleneck.class === 'outside')
    return { kind: 'nothing', why: bottleneck.facts['held'] === 1 ? 'held back' : 'not the app' }
  return { kind: 'step', finding: bottleneck }
}

/** What is missing before anything can be said. */
function lacks(evidence: Evidence, options: AdviseOptions): Next | undefined {
  const { leastRequests = 200, leastSeconds = 60 } = options
  const { window, coverage, takenAt, jobs } = evidence
  const later = (seconds: number): number => takenAt + Math.max(window.slotSeconds, seconds) * 1000
  const wait = (reason: Extract<Next, { kind: 'wait' }>['reason'], seconds: number, counts?: object): Next => {
    return { kind: 'wait', reason, until: later(seconds), ...counts }
  }
  if (window.seconds < leastSeconds)
    return wait('time', leastSeconds - window.seconds, { have: window.seconds, need: leastSeconds })
  if (coverage.reset) return wait('reset', leastSeconds)
  if (coverage.restartedAt !== undefined && takenAt - coverage.restartedAt < leastSeconds * 1000)
    return wait('restart', leastSeconds - (takenAt - coverage.restartedAt) / 1000)
  if (coverage.share < 0.7) return wait('gaps', leastSeconds)
  const seen = coverage.requests + jobs.reduce((sum, { count }) => sum + count, 0)
  if (seen < leastRequests) {
    const perSecond = Math.max(0.01, seen / Math.max(1, window.seconds))
    return wait('requests', Math.min(86_400, (leastRequests - seen) / perSecond), {
      have: seen,
      need: leastRequests,
    })
  }
  return undefined
}
