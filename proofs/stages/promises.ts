/** What is promised at each stage when something breaks: data, which the proof holds and docs/guide/failures.md shows. */
import type { StagePlan } from '../../stages/plan.ts'

/** How requests of a kind fare.
 *  `go on`         none fails
 *  `under way`     those that were being answered when it happened may fail, none that came later
 *  `until back`    they may fail until what broke is back, and for `backWithinS` after that */
export type Fares = 'go on' | 'under way' | 'until back'

export interface Promised {
  fault: FaultName
  /** What happens, in a few words. */
  what: string
  /** At these stages. */
  stages: readonly StagePlan['stage'][]
  /** Looking at the catalogue, and at the own orders. */
  reads: Fares
  /** Placing orders. */
  writes: Fares
  /** Uploading pictures. */
  files: Fares
  /** After what broke is back, in seconds, nothing fails any more. */
  backWithinS: number
  /** What waits meanwhile, what is lost, and why: for people. */
  note: string
}

export const FAULT_NAMES = [
  'instance-killed',
  'worker-killed',
  'service-killed',
  'primary-restarted',
  'primary-killed',
  'pgbouncer-restarted',
  'replica-cut-off',
  'redis-away',
  'redis-flushed',
  's3-away',
  'balancer-reloaded',
  'network-split',
  'disk-full',
  'clock-wrong',
] as const
export type FaultName = (typeof FAULT_NAMES)[number]

const ALL = { reads: 'until back', writes: 'until back', files: 'until back', backWithinS: 15 } as const
const NONE = { reads: 'go on', writes: 'go on', files: 'go on', backWithinS: 0 } as const

export const PROMISES: readonly Promised[] = [
  {
    fault: 'instance-killed',
    what: 'the instance is killed',
    stages: [1, 2],
    ...ALL,
    note: 'There is one. systemd starts it again; clients that repeat their requests lose nothing.',
  },
  {
    fault: 'instance-killed',
    what: 'an instance is killed',
    stages: [3, 4, 5, 6],
    reads: 'under way',
    writes: 'under way',
    files: 'under way',
    backWithinS: 0,
    note: 'The balancer goes on with the others. A POST that the dead one had is not repeated by anybody but its client.',
  },
  {
    fault: 'worker-killed',
    what: 'the worker is killed',
    stages: [3, 4, 5, 6],
    ...NONE,
    note: 'Jobs wait for another worker. Those that it ran are run again when its lease has ended.',
  },
  {
    fault: 'service-killed',
    what: 'the host of the module that is split out is killed',
    stages: [6],
    ...NONE,
    note: 'Orders are accepted; their payments wait, and are charged once.',
  },
  {
    fault: 'primary-restarted',
    what: 'Postgres is restarted',
    stages: [1, 2, 3, 4, 5, 6],
    ...ALL,
    note: 'Answers are 503 meanwhile. Connections come back by themselves.',
  },
  {
    fault: 'primary-killed',
    what: 'Postgres is killed and replays its log',
    stages: [1, 2, 3, 4, 5, 6],
    ...ALL,
    note: 'What was acknowledged is on its disk.',
  },
  {
    fault: 'pgbouncer-restarted',
    what: 'PgBouncer is restarted',
    stages: [3, 4, 5, 6],
    ...ALL,
    note: 'Every connection through it breaks; what was in a transaction is rolled back.',
  },
  {
    fault: 'replica-cut-off',
    what: 'a replica is cut off from the app and from the primary',
    stages: [4, 5, 6],
    reads: 'under way',
    writes: 'under way',
    files: 'under way',
    backWithinS: 0,
    note: 'Reads go to the other replica and to the primary. Own writes stay visible.',
  },
  {
    fault: 'redis-away',
    what: 'Redis is away',
    stages: [5, 6],
    ...NONE,
    note: 'Caches load from Postgres, limits count there, jobs for Redis wait there.',
  },
  {
    fault: 'redis-flushed',
    what: 'Redis is emptied and restarted',
    stages: [5, 6],
    ...NONE,
    note: 'Jobs that were enqueued there with a transaction are handed over again from Postgres; those without one are lost with it.',
  },
  {
    fault: 's3-away',
    what: 'the S3 server does not answer',
    stages: [3, 4, 5, 6],
    reads: 'go on',
    writes: 'go on',
    files: 'until back',
    backWithinS: 15,
    note: 'Only what needs files fails. Jobs that need them are tried again.',
  },
  {
    fault: 'balancer-reloaded',
    what: 'the balancer reads its configuration again',
    stages: [1, 2, 3, 4, 5, 6],
    ...NONE,
    note: 'New connections are never refused.',
  },
  {
    fault: 'network-split',
    what: 'nothing gets through between app and database',
    stages: [2, 3, 4, 5, 6],
    ...ALL,
    note: 'Requests wait, then fail. What a client was told is there; what it was not told may be.',
  },
  {
    fault: 'disk-full',
    what: 'the disk of the database is full',
    stages: [1, 2, 3, 4, 5, 6],
    ...ALL,
    note: 'Postgres refuses writes, and may end; it is back when there is room and somebody (systemd) starts it.',
  },
  {
    fault: 'clock-wrong',
    what: 'the clock of an instance is five hours ahead',
    stages: [3, 4, 5, 6],
    reads: 'go on',
    writes: 'go on',
    files: 'until back',
    backWithinS: 15,
    note: 'Sessions, jobs, crons, leases and limits go by the clock of the database. S3 refuses what is signed for another time.',
  },
]

export function promised(fault: FaultName, stage: number): Promised | undefined {
  return PROMISES.find((one) => one.fault === fault && one.stages.some((at) => at === stage))
}
