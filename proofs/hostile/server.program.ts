/** The server under attack: the request path as an app has it, and a route that must never be reached by a smuggled request. */
import { z } from 'zod'
import { announce, KEY } from '../../bench/http/servers/peers.ts'
import { createServer } from '../../packages/tenfold/src/http/index.ts'
import { fuzzRoutes } from '../../packages/tenfold/src/http/testing/fuzz.ts'
import { systemClock } from '../../packages/tenfold/src/kernel/index.ts'
import { openLimits } from '../../packages/tenfold/src/limits/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'

const telemetry = createTelemetry({ service: 'hostile', env: 'production' })
const seen = { smuggled: 0, unhandled: 0 }
const common = { module: 'hostile', hidden: true } as const
const server = createServer({
  routes: [
    ...fuzzRoutes(),
    {
      ...common,
      method: 'GET',
      path: '/smuggled',
      name: 'GET /smuggled',
      // What a balancer takes for a request of its own, it says who it came from: nothing was smuggled then.
      handle: async ({ headers }) => ({ smuggled: headers['x-forwarded-for'] === undefined ? ++seen.smuggled : 0 }),
    },
    {
      ...common,
      method: 'GET',
      path: '/echo/:word',
      name: 'GET /echo/:word',
      params: z.object({ word: z.string() }),
      handle: async ({ params }) => params,
    },
    {
      ...common,
      method: 'GET',
      path: '/state',
      name: 'GET /state',
      handle: async () => ({
        ...seen,
        polluted: Object.keys(Object.prototype).length,
        memory: process.memoryUsage().rss,
      }),
    },
  ],
  name: 'hostile',
  version: '1.0.0',
  env: 'production',
  telemetry,
  limits: openLimits({ telemetry, clock: systemClock }),
  secretKey: KEY,
  port: 0,
  // Answers are judged here, and a busy machine is no excuse for a 503.
  shedding: false,
  headersTimeout: '2s',
  stallTimeout: '2s',
})
process.on('unhandledRejection', () => seen.unhandled++)
await server.start()
announce(Number(new URL(server.url).port))
