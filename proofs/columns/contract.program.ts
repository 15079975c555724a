/** The contract of product analytics, with the events in the ClickHouse at COLUMNS. */
import { testDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import { migrations, openAnalytics } from '../../packages/tenfold/src/analytics/index.ts'
import { describeAnalyticsContract } from '../../packages/tenfold/src/analytics/testing/index.ts'

describeAnalyticsContract('clickhouse', async () => {
  const test = await testDatabase({ migrations: [migrations] })
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  // While a transaction is open, what was stored since it began is copied again and again.
  const over = Promise.withResolvers<void>()
  const held = test.system.transaction(async (tx) => {
    await tx.query('set local idle_in_transaction_session_timeout = 0')
    await tx.query('select pg_current_xact_id()')
    await over.promise
  })
  return {
    open: async (clock, timeZone) => {
      const options = { db: test.system, telemetry, clock, timeZone, columns: process.env['COLUMNS_URL']! }
      return [openAnalytics(options), openAnalytics(options)]
    },
    close: async () => {
      over.resolve()
      await held
      await test.close()
    },
  }
})
