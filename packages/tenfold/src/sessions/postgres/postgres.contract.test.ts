import { testDatabase, ways } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openSessions } from '../index.ts'
import { describeSessionsContract } from '../testing/contract.ts'

for (const via of ways())
  describeSessionsContract(`postgres, ${via}`, async () => {
    const database = await testDatabase({ via, migrations: [migrations] })
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    return {
      open: ({ clock, cacheFor = 0, pruneEvery = 1e9 }) =>
        openSessions({
          db: database.system,
          telemetry,
          clock,
          cacheFor,
          pruneEvery,
          idle: '1h',
          absolute: '1d',
          maxDataBytes: 1000,
        }),
      async dump() {
        const { rows } = await database.system.query('select to_json(s)::text as row from tenfold.session s')
        return JSON.stringify(rows).replaceAll('\\"', '"')
      },
      close: () => database.close(),
    }
  })
