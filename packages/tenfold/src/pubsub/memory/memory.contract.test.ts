import { createTelemetry } from '../../telemetry/index.ts'
import { openPubSub } from '../index.ts'
import { describePubSubContract } from '../testing/contract.ts'

describePubSubContract(
  'memory',
  async () => {
    const pubsub = openPubSub({ telemetry: createTelemetry({ service: 'test', env: 'test', level: 'silent' }) })
    return { instances: [pubsub], close: () => pubsub.close() }
  },
  { cannot: { U4: 'nothing lies between publisher and subscriber that could be interrupted' } },
)
