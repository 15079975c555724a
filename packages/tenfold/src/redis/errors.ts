import { defineError } from '../kernel/index.ts'

export const RedisAway = defineError('TF_REDIS_AWAY', {
  status: 503,
  says: (e: { where: string; reason: string }) => `Redis at ${e.where} does not answer: ${e.reason}`,
  fix: 'Look whether the server runs and REDIS_URL names it; the connection comes back by itself.',
})

export const RedisCommandFailed = defineError('TF_REDIS_COMMAND', {
  says: (e: { command: string; reason: string }) => `Redis refused ${e.command}: ${e.reason}`,
  fix: 'Read the reason: memory that is used up (raise maxmemory; policy noeviction), a replica that takes no writes, or a user without the right.',
})
