import { testDatabase, ways } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openCaches } from '../index.ts'
import type { Clock } from '../../kernel/index.ts'
import { describeCacheContract, ROOM, type CacheBackend } from '../testing/contract.ts'

for (const [via, shared] of [...ways().map((way) => [way, false] as const), ['direct', true] as const]) {
  const name = shared ? 'memory and postgres' : `memory, told by postgres, ${via}`
  const openBackend = async (clock: Clock): Promise<CacheBackend> => {
    const database = await testDatabase({ via, migrations: [migrations] })
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const open = () => openCaches({ db: database.system, telemetry, clock, ...ROOM, echoEvery: 1e9 })
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
