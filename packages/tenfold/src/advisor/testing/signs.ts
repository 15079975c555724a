/** Evidence by hand: the recording of a healthy app, with the signs of something in it. */
import { readFileSync } from 'node:fs'
import type { DatabaseEvidence, Evidence, HostEvidence, ProcessEvidence, Work } from '../../evidence/index.ts'

export const HEALTHY = JSON.parse(
  readFileSync(new URL('../fixtures/healthy.json', import.meta.url), 'utf8'),
) as Evidence

export interface Signs {
  /** Of all requests, what users see. */
  p95?: number
  wait?: number
  routes?: Partial<Work>[]
  jobs?: Partial<Work>[]
  process?: Partial<ProcessEvidence>
  host?: Partial<HostEvidence>
  active?: Partial<DatabaseEvidence['active']>
  database?: Partial<DatabaseEvidence>
  traffic?: Partial<Evidence['traffic']>
  configuration?: Partial<Evidence['configuration']>
  whole?: Partial<Evidence>
}

const ROUTE: Work = {
  name: 'GET /orders',
  module: 'orders',
  count: 3000,
  errors: 0,
  ms: 30_000,
  p50: 9,
  p95: 20,
  self: 3000,
  pool: 0,
  database: 27_000,
  outgoing: 0,
  calls: 6000,
  rows: 6000,
  hosts: [],
  queries: [],
}

export function evidenceWith({
  p95 = 900,
  wait = 0,
  routes,
  jobs = [],
  process,
  host,
  active,
  database,
  traffic,
  configuration,
  whole,
}: Signs): Evidence {
  const base = HEALTHY.database!
  return {
    ...HEALTHY,
    window: { ...HEALTHY.window, seconds: 60 },
    configuration: {
      ...HEALTHY.configuration,
      promisedP95: 150,
      roles: { web: 1, worker: 1 },
      workerConcurrency: 10,
      ...configuration,
    },
    coverage: { share: 1, requests: 3000, statements: true, sessions: true, reset: false },
    traffic: { ...HEALTHY.traffic, requests: 3000, errors: 0, perSecond: 50, p95, unseenWaitP95: wait, ...traffic },
    routes: (routes ?? [{ p95 }]).map((one) => ({ ...ROUTE, ...one })),
    jobs: jobs.map((one) => ({ ...ROUTE, name: 'orders.mail', ...one })),
    crons: [],
    hosts: [
      {
        ...HEALTHY.hosts[0]!,
        cores: 2,
        busy: 0.3,
        steal: 0,
        throttled: 0,
        app: 0.2,
        postgres: 0.3,
        other: 0.1,
        ...host,
      },
    ],
    processes: [
      {
        ...HEALTHY.processes[0]!,
        requests: 3000,
        loop: 0.2,
        cpu: 0.2,
        stalled: 0,
        longestStall: 0,
        gc: 0.01,
        pool: { max: 20, used: 2, waiting: 0, opened: 2 },
        ...process,
      },
    ],
    database: {
      ...base,
      cores: 2,
      seen: { client: 27_000, server: 15_000, calls: 6000 },
      queries: [],
      tables: [],
      connections: 10,
      blockers: [],
      longestTransactionMs: 20,
      opened: 2,
      ...database,
      active: { samples: 60, cpu: 0.2, io: 0, lock: 0, latch: 0, commit: 0, idleInTransaction: 0, ...active },
    },
    shifts: [],
    ...whole,
  }
}
