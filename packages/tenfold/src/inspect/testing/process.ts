/** A process of an app for tests: serves requests that take as long as told, stores what it saw, and ends.
 *  Its orders are one JSON value in `ORDERS`. */
import { openDatabase, type RoleMode } from '../../database/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { createStore } from '../store.ts'

export interface Orders {
  url: string
  app: string
  secretKey: string
  roleMode: RoleMode
  name: string
  /** One request for each, in milliseconds. */
  durations: number[]
}

const { url, app, secretKey, roleMode, name, durations } = JSON.parse(process.env['ORDERS']!) as Orders
const telemetry = createTelemetry({ service: app, env: 'test', destination: { write() {} } })
const database = openDatabase({ url, app, secretKey, roleMode, telemetry, maxConnections: 2 })
const store = createStore({ db: database.system, telemetry, roles: ['web'] })
await store.start()
await Promise.all(
  durations.map((ms) =>
    telemetry.root({ kind: 'request', name }, () => new Promise<void>((resolve) => setTimeout(resolve, ms))),
  ),
)
await store.stop()
await database.service.stop()
await telemetry.close()
