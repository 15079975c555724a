import { openDatabase } from '../../database/index.ts'
import { testDatabase } from '../../database/testing/index.ts'
import { systemClock } from '../../kernel/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations, openLimits } from '../index.ts'
import { describeLimitsContract } from '../testing/contract.ts'

describeLimitsContract('postgres, three instances', async () => {
  const first = await testDatabase({ migrations: [migrations] })
  const { url, app, secretKey, roleMode } = first
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const another = () => openDatabase({ url, app, secretKey, roleMode, telemetry, maxConnections: 4 })
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
