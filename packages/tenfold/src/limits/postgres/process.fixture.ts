/** One process among several: asks as fast as it can, and prints how often it was allowed. */
import { openDatabase } from '../../database/index.ts'
import { systemClock } from '../../kernel/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openLimits } from '../index.ts'

const { asks, ...address } = JSON.parse(process.argv[2]!)
const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
const database = openDatabase({ ...address, telemetry, maxConnections: 4 })
const limits = openLimits({ db: database.system, telemetry, clock: systemClock, timeout: '30s' })
const limiter = limits.define({ name: 'test.processes', windows: [{ max: 500, per: '1d' }] })
const decisions = await Promise.all(Array.from({ length: asks }, () => limiter.take('k')))
process.stdout.write(`${decisions.filter((decision) => decision.allowed).length}`)
await limits.close()
await database.service.stop()
await telemetry.close()
