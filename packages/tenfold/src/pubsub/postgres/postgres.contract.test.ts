import pg from 'pg'
import { openDatabase } from '../../database/index.ts'
import { testDatabase, ways } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openPubSub } from '../index.ts'
import { describePubSubContract } from '../testing/contract.ts'

for (const via of ways())
  describePubSubContract(`postgres, two instances, ${via}`, async () => {
    const first = await testDatabase({ via, migrations: [migrations] })
    const { statementUrl: url, url: directUrl, app, secretKey, roleMode } = first
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const other = openDatabase({ url, directUrl, app, secretKey, roleMode, telemetry, maxConnections: 4 })
    const instances = [first.system, other.system].map((db) => openPubSub({ db, telemetry }))
    return {
      instances,
      async interrupt() {
        const admin = new pg.Client({ connectionString: first.url })
        await admin.connect()
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name like '%/listen'`,
        )
        await admin.end()
      },
      async close() {
        await Promise.all(instances.map((pubsub) => pubsub.close()))
        await other.service.stop()
        await first.close()
      },
    }
  })
