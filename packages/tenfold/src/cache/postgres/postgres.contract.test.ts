import { testDatabase, ways } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openCaches, type KeyvValues } from '../index.ts'
import type { Clock } from '../../kernel/index.ts'
import { describeCacheContract, ROOM, type CacheBackend } from '../testing/contract.ts'

/** A map, as a Keyv without a store is one. */
const map = (): KeyvValues => {
  const values = new Map<string, string>()
  return { get: async (key) => values.get(key), set: async (key, value) => void values.set(key, value) }
}

for (const [via, shared, values] of [
  ...ways().map((way) => [way, false, undefined] as const),
  ['direct', true, undefined] as const,
  ['direct', true, map()] as const,
]) {
  const name = shared
    ? `memory and postgres${values ? ', with values in a keyv' : ''}`
    : `memory, told by postgres, ${via}`
  const openBackend = async (clock: Clock): Promise<CacheBackend> => {
    const database = await testDatabase({ via, migrations: [migrations] })
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const open = () =>
      openCaches({ db: database.system, telemetry, clock, ...ROOM, echoEvery: 1e9, ...(values && { values }) })
    const [a, b] = await Promise.all([open(), open()])
    return {
      a,
      b,
      // The connection that listens is ended by the server, as an operator or a failover would.
      async breakLine() {
        await database.system.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%'`,
        )
      },
      async close() {
        await a.close()
        await b.close()
        await database.close()
      },
    }
  }
  describeCacheContract(name, openBackend, { shared })
}
