import { fileURLToPath } from 'node:url'
import type { Servers } from './servers.ts'
import type { StagePlan } from './plan.ts'

/** What the process of a test has to know about the servers of a stage, as JSON in TEST_STAGE. */
export interface TopologyFacts {
  /** The folder of the app. */
  folder: string
  instances: number
  /** Addresses of an administrator. */
  pooler: string | undefined
  replicas: readonly string[]
  redis: string | undefined
  storage: string | undefined
}

/** The variables with which tests of the app in `folder` run at this stage. */
export function topologyVariables(plan: StagePlan, servers: Servers, folder: string): Record<string, string> {
  const given = servers.variablesFor('postgres')
  const facts: TopologyFacts = {
    folder,
    // Of an app in parts, the test has all parts in its own process.
    instances: plan.parts.some(({ service }) => service) ? 1 : plan.parts.find(({ balanced }) => balanced)!.count,
    pooler: plan.pgbouncer ? given['DATABASE_URL'] : undefined,
    replicas: given['DATABASE_REPLICA_URLS']?.split(',') ?? [],
    redis: given['REDIS_URL'],
    storage: given['STORAGE_URL'],
  }
  return {
    TEST_DATABASE_URL: servers.primary.adminUrl,
    TEST_TOPOLOGY: fileURLToPath(new URL('./topology.program.ts', import.meta.url)),
    TEST_STAGE: JSON.stringify(facts),
  }
}
