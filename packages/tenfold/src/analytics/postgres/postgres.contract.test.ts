import { testDatabase, ways } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openAnalytics } from '../index.ts'
import { describeAnalyticsContract } from '../testing/index.ts'

for (const via of ways()) {
  describeAnalyticsContract(`postgres, ${via}`, async () => {
    const test = await testDatabase({ migrations: [migrations], via })
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    return {
      open: async (clock, timeZone) => {
        const options = { db: test.system, telemetry, clock, timeZone }
        return [openAnalytics(options), openAnalytics(options)]
      },
      close: () => test.close(),
    }
  })
}
