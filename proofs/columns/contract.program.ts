/** The contract of product analytics, with the events in the ClickHouse at COLUMNS. */
import { testDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import { migrations, openAnalytics } from '../../packages/tenfold/src/analytics/index.ts'
import { describeAnalyticsContract, holdTransaction } from '../../packages/tenfold/src/analytics/testing/index.ts'

describeAnalyticsContract('clickhouse', async () => {
  const test = await testDatabase({ migrations: [migrations] })
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const held = holdTransaction(test.system)
  return {
    open: async (clock, timeZone) => {
      const options = { db: test.system, telemetry, clock, timeZone, columns: process.env['COLUMNS_URL']! }
      return [openAnalytics(options), openAnalytics(options)]
    },
    close: async () => {
      await held.end()
      await test.close()
    },
  }
})
