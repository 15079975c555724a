import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testDatabase } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openAnalytics } from '../index.ts'
import { describeAnalyticsContract } from '../testing/index.ts'

describeAnalyticsContract('duckdb', async () => {
  const test = await testDatabase({ migrations: [migrations] })
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-duckdb-'))
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  return {
    open: async (clock, timeZone) => {
      const options = {
        db: test.system,
        telemetry,
        clock,
        timeZone,
        columns: `duckdb:${join(folder, 'events.duckdb')}`,
      }
      return [openAnalytics(options), openAnalytics(options)]
    },
    close: async () => {
      await test.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
})
