import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cron } from '../cron/index.ts'
import type { SystemDatabase } from '../database/index.ts'
import type { Queue } from '../queue/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createGauges } from './gauges.ts'

test('a database that breaks while gauges are read ends nothing, and what could be read is known', async () => {
  const telemetry = createTelemetry({ service: 'gauges', env: 'test', level: 'silent' })
  const waiting = Promise.withResolvers<void>()
  const broken = (): Promise<never> => Promise.reject(new Error('Connection terminated unexpectedly'))
  const row = { name: 'mail', waiting: 3, delayed: 0, running: 0, dead: 0, paused: false, oldestWaitingMs: 0 }
  const gauges = createGauges({
    telemetry,
    db: { query: broken } as unknown as SystemDatabase,
    crons: { list: broken, missed: broken } as unknown as Cron,
    // The first that is asked answers last: the others fail while it is waited for.
    queue: { summary: () => waiting.promise.then(() => [row]) } as unknown as Queue,
  })
  const unhandled: unknown[] = []
  const see = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', see)
  await gauges.start()
  await new Promise((resolve) => setTimeout(resolve, 20))
  waiting.resolve()
  await gauges.stop()
  process.off('unhandledRejection', see)
  assert.deepEqual(unhandled, [])
  await telemetry.close()
})
