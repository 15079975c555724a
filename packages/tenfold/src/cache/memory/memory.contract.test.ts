import { createTelemetry } from '../../telemetry/index.ts'
import { openCaches } from '../index.ts'
import { describeCacheContract, ROOM } from '../testing/contract.ts'

describeCacheContract(
  'memory, one process',
  async (clock) => {
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const a = await openCaches({ telemetry, clock, ...ROOM })
    return { a, close: () => a.close() }
  },
  { cannot: { C6: 'without a database there is one process only, and nobody to tell' } },
)
