/** What the advisor says: data, from which words are made in `words/`.
 *
 *  A1  The same evidence gives the same verdict, on any machine: nothing but the evidence is read, no clock and no network.
 *  A2  A finding names its evidence with the thresholds, and what was looked at that speaks against it.
 *  A3  There is at most one next step, and it is the cheapest that explains the loss: code before settings before placement
 *      before caches before hardware before architecture.
 *  A4  Nothing is advised while nobody is harmed and there is room; with too little evidence it says what it waits for.
 *  A5  A step comes with a prediction, and a prediction is compared with what came of it. */
import type { Evidence, Shift } from '../evidence/index.ts'

/** Cheapest first: a later class is not advised while an earlier one explains a good part of the loss. */
export const CLASSES = ['code', 'settings', 'placement', 'cache', 'hardware', 'architecture', 'outside'] as const
export type StepClass = (typeof CLASSES)[number]

export type FindingCode =
  | 'cache-stampede'
  | 'connect-per-request'
  | 'costly-query'
  | 'cpu-bound-route'
  | 'cron-interferes'
  | 'database-cpu'
  | 'database-far'
  | 'database-shares-host'
  | 'database-taken'
  | 'dead-rows'
  | 'disk-bound'
  | 'event-loop-full'
  | 'event-loop-stalls'
  | 'heap-full'
  | 'host-is-busy'
  | 'hot-key'
  | 'jobs-stand-still'
  | 'large-table'
  | 'lock-contention'
  | 'long-transaction'
  | 'low-hit-ratio'
  | 'memory-grows'
  | 'missing-index'
  | 'module-crowds-out'
  | 'n-plus-one'
  | 'needs-redis'
  | 'noisy-client'
  | 'over-fetch'
  | 'poison-job'
  | 'pool-too-small'
  | 'repeated-reads'
  | 'replica-lags'
  | 'route-fails'
  | 'slow-call'
  | 'too-few-workers'
  | 'too-many-connections'
  | 'unseen-wait'

export interface Subject {
  kind:
    | 'route'
    | 'job'
    | 'cron'
    | 'query'
    | 'table'
    | 'host'
    | 'pool'
    | 'process'
    | 'database'
    | 'cache'
    | 'replica'
    | 'client'
    | 'module'
  name: string
}

/** One number that speaks for it. */
export interface Proof {
  signal: string
  value: number
  /** From here on it counts. */
  threshold: number
  unit: 'ms' | 'share' | 'count' | 'per request' | 'per second' | 'bytes' | 'sessions' | 'cores' | 'rows' | 'blocks'
}

/** Something that would have ruled it out. */
export interface Check {
  check: string
  value: string
  passed: boolean
}

export interface Finding {
  code: FindingCode
  rule: number
  class: StepClass
  subject: Subject
  /** Of the time that requests and jobs took: the share that this explains, 0 to 1. */
  share: number
  confidence: 'low' | 'medium' | 'high'
  proofs: Proof[]
  against: Check[]
  /** Names and numbers that the words and the step need. */
  facts: Readonly<Record<string, string | number>>
  expected: Expectation
}

/** What should be seen once the step was taken. */
export interface Expectation {
  what: 'p95' | 'wait of jobs' | 'failed runs' | 'heap growth' | 'connections' | 'replica lag'
  /** The route or the job; absent for all of them. */
  of?: string
  before: number
  /** The range in which it should lie afterwards. */
  low: number
  high: number
}

export interface Limit {
  resource: 'event loop' | 'database CPU' | 'connection pool' | 'connections' | 'workers' | 'memory'
  /** Used now, of what there is. */
  used: number
  /** From here on waiting grows faster than the load. */
  knee: number
  /** How many times the present load it carries. */
  times: number
}

export interface Headroom {
  /** Requests in a second at which the first limit is reached; absent when nothing could be measured. */
  until?: number
  /** The first limit first. */
  limits: Limit[]
  growth: Growth
}

export type Growth =
  | { known: false; reason: 'too few days' | 'too irregular' | 'no limit in sight'; days: number }
  /** Days until the first limit is reached, at the present growth: the middle, and 8 of 10 cases. */
  | { known: true; days: number; low: number; high: number; perWeek: number; error: number }

export type Next =
  | { kind: 'step'; finding: Finding }
  | { kind: 'nothing'; why: 'healthy' | 'not the app' | 'no cause found' }
  /** By a limit of the processors that somebody has set. */
  | { kind: 'nothing'; why: 'held back' }
  /** So many seconds were slow, with so many times the usual requests; before and after it was well. */
  | { kind: 'nothing'; why: 'a spike has passed'; seconds: number; times: number }
  | {
      kind: 'wait'
      reason: 'requests' | 'time' | 'gaps' | 'reset' | 'restart' | 'database'
      until: number
      /** Requests, or seconds: those that are there, and those that are needed. */
      have?: number
      need?: number
    }

export interface Outcome {
  code: FindingCode
  subject: Subject
  predicted: Expectation
  measured: number
  cameTrue: boolean
}

export interface Verdict {
  version: 1
  app: string
  givenAt: number
  window: Evidence['window']
  stage: { number: number; name: string }
  state: 'healthy' | 'harmed' | 'near a limit' | 'unknown'
  /** What users feel: p95 with the wait that they have before a request is seen. */
  felt: { p95: number; promised: number; perSecond: number; errors: number }
  /** The cause that is named first; absent when there is none. */
  bottleneck?: Finding
  /** All that was found, the most useful first. */
  findings: Finding[]
  /** What was looked at and is not the problem; nothing as long as there is too little evidence. */
  fine: FindingCode[]
  headroom: Headroom
  next: Next
  /** What became slower in the last two days to stay, the worst first, whether anybody is harmed or not. */
  regressions: Shift[]
  outcomes: Outcome[]
}
