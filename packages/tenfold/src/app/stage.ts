import type { Environment } from '../config/index.ts'

export interface Stage {
  number: 1 | 2 | 3 | 4 | 5 | 6
  name: string
}

const LOCAL = new Set(['localhost', '127.0.0.1', '::1', '[::1]', ''])

/** The stage of the ladder that a configuration is, by what it binds. */
export function stageOf(environment: Environment): Stage {
  const { databaseUrl, databaseDirectUrl, databaseReplicaUrls, redisUrl, storageUrl, variables } = environment
  const split = Object.entries(variables).some(([name, value]) => /^REMOTE_[A-Z0-9_]+_URL$/.test(name) && value)
  if (split) return { number: 6, name: 'split service' }
  if (databaseUrl && redisUrl) return { number: 5, name: 'Redis' }
  if (databaseUrl && Object.keys(environment.variables).some((name) => /^REMOTE_[A-Z0-9_]+_URL$/.test(name))) {
    return { number: 6, name: 'split service' }
  }
  if (databaseUrl && databaseReplicaUrls.length > 0) return { number: 4, name: 'replicas' }
  // Files that all instances reach, or a pooler beside the direct address, say that there are many of them.
  const shared = storageUrl !== undefined && !storageUrl.startsWith('file:')
  const pooled = databaseDirectUrl !== undefined && databaseDirectUrl !== databaseUrl
  if (databaseUrl && (shared || pooled)) return { number: 3, name: 'many instances' }
  return isLocal(environment) ? { number: 1, name: 'one machine' } : { number: 2, name: 'database apart' }
}

/** Whether the database runs on this machine. */
export function isLocal({ databaseUrl }: Environment): boolean {
  return databaseUrl === undefined || LOCAL.has(new URL(databaseUrl).hostname)
}
