import { systemClock } from '../../kernel/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openLimits } from '../index.ts'
import { describeLimitsContract } from '../testing/contract.ts'

describeLimitsContract(
  'memory, one process',
  async () => {
    const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
    const limits = openLimits({ telemetry, clock: systemClock })
    return { instances: [limits], close: () => limits.close() }
  },
  { cannot: { L4: 'memory is the store: every decision is made there' } },
)
