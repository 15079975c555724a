import { openDatabase } from '../../database/index.ts'
import { testDatabase, ways } from '../../database/testing/index.ts'
import { systemClock } from '../../kernel/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openLimits } from '../index.ts'
import { describeLimitsContract } from '../testing/contract.ts'

for (const via of ways())
  describeLimitsContract(`postgres, three instances, ${via}`, async () => {
    const first = await testDatabase({ via, migrations: [migrations] })
    const { statementUrl: url, url: directUrl, app, secretKey, roleMode } = first
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const another = () => openDatabase({ url, directUrl, app, secretKey, roleMode, telemetry, maxConnections: 4 })
    const others = [another(), another()]
    const databases = [first.system, ...others.map((database) => database.system)]
    // 3000 callers at once wait their turn for a connection: here that is no reason to decide without the store.
    const instances = databases.map((db) => openLimits({ db, telemetry, clock: systemClock, timeout: '30s' }))
    return {
      instances,
      async close() {
        await Promise.all(instances.map((limits) => limits.close()))
        await Promise.all(others.map((database) => database.service.stop()))
        await first.close()
      },
    }
  })
