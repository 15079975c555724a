/** The machines of a stage, and how they find each other: by names that `/etc/hosts` or a private DNS gives them. */
import type { Facts, Stage } from '../deploy.ts'
import type { Places } from '../environment.ts'
import { serviceName } from '../names.ts'

export const MACHINES = ['app', 'worker', 'service', 'balancer', 'database', 'replica', 'redis', 'observe'] as const
export type Machine = (typeof MACHINES)[number]

export function machinesOf(stage: Stage): Machine[] {
  return MACHINES.filter((machine) => stage >= FROM[machine])
}

const FROM: Record<Machine, Stage> = {
  app: 1,
  database: 2,
  observe: 2,
  balancer: 3,
  worker: 3,
  replica: 4,
  redis: 5,
  service: 6,
}

/** The private network of the machines; firewalls let it in, and nothing of it is reachable from outside. */
export const NETWORK = '10.0.0.0/24'

export function placesOf(facts: Facts, stage: Stage): Places {
  const database = stage === 1 ? '127.0.0.1' : 'database'
  return {
    database: `${database}:${stage >= 3 ? 6432 : 5432}`,
    direct: `${database}:5432`,
    replicas: Array.from({ length: facts.replicas }, (_, i) => `replica-${i + 1}:6432`),
    redis: 'redis:6379',
    proxies: stage >= 3 ? NETWORK : '127.0.0.1,::1',
    files: `file:///var/lib/${serviceName(facts)}/files`,
    // The web server in front is on the same machine, and nobody else has to reach it.
    ...(stage < 3 && { host: '127.0.0.1' }),
    ...(stage >= 2 && { metrics: '0.0.0.0', collector: 'http://observe:4318' }),
  }
}
