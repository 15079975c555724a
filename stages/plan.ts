/** The stages of the ladder as what runs at each. That is all that differs: the app and its tests are the same everywhere. */
import type { Role } from '../packages/tenfold/src/config/index.ts'

export interface Part {
  /** `web`: each of its instances is called `web-1`, `web-2`, … */
  name: string
  roles: readonly Role[]
  /** How many, unless something else is asked for. */
  count: number
  /** Whether the balancer sends requests here. */
  balanced: boolean
  /** Runs the module that is split out; the other parts call it. */
  service?: true
}

export interface StagePlan {
  stage: 1 | 2 | 3 | 4 | 5 | 6
  name: string
  /** On the way from the app to its servers. At stage 1 there is no network that could be cut. */
  apart: boolean
  pgbouncer: boolean
  replicas: number
  redis: boolean
  s3: boolean
  parts: readonly Part[]
}

const WHOLE: Part = { name: 'app', roles: ['web', 'worker', 'cron'], count: 1, balanced: true }
const WEB: Part = { name: 'web', roles: ['web'], count: 2, balanced: true }
const WORKER: Part = { name: 'worker', roles: ['worker', 'cron'], count: 1, balanced: false }
const SERVICE: Part = { name: 'service', roles: ['web', 'worker', 'cron'], count: 1, balanced: false, service: true }

const NOTHING = { apart: true, pgbouncer: false, replicas: 0, redis: false, s3: false }
const MANY = { ...NOTHING, pgbouncer: true, s3: true, parts: [WEB, WORKER] }

export const STAGES: readonly StagePlan[] = [
  { ...NOTHING, stage: 1, name: 'one machine', apart: false, parts: [WHOLE] },
  { ...NOTHING, stage: 2, name: 'database apart', parts: [WHOLE] },
  { ...MANY, stage: 3, name: 'many instances' },
  { ...MANY, stage: 4, name: 'replicas', replicas: 2 },
  { ...MANY, stage: 5, name: 'Redis', replicas: 2, redis: true },
  { ...MANY, stage: 6, name: 'a module of its own', replicas: 2, redis: true, parts: [SERVICE, WEB, WORKER] },
]
