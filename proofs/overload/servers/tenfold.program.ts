/** tenfold's HTTP server as it is, or without load shedding. */
import { createServer, type HttpRoute } from '../../../packages/tenfold/src/http/index.ts'
import { systemClock } from '../../../packages/tenfold/src/kernel/index.ts'
import { openLimits } from '../../../packages/tenfold/src/limits/index.ts'
import { createTelemetry } from '../../../packages/tenfold/src/telemetry/index.ts'
import { announce, FEATURES, KEY } from '../../../bench/http/servers/peers.ts'
import { work } from '../work.ts'

const telemetry = createTelemetry({ service: 'overload', env: 'production' })
const route = (path: string, priority: NonNullable<HttpRoute['priority']>): HttpRoute => {
  return { method: 'GET', path, module: 'overload', name: `GET ${path}`, priority, handle: work }
}
const server = createServer({
  routes: [route('/work', 'normal'), route('/critical', 'critical')],
  name: 'overload',
  version: '1.0.0',
  env: 'production',
  telemetry,
  limits: openLimits({ telemetry, clock: systemClock }),
  secretKey: KEY,
  port: 0,
  ...(FEATURES.has('lets-all-in') ? { shedding: false as const } : {}),
})
await server.start()
announce(Number(new URL(server.url).port))
