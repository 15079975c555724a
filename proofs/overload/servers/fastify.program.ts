/** Plain Fastify, or with @fastify/under-pressure as its README sets it up. */
import { announce, FEATURES, loadPeers } from '../../../bench/http/servers/peers.ts'
import { work } from '../work.ts'

const load = await loadPeers()
const { default: fastify } = await load('fastify')
const app = fastify()
if (FEATURES.has('under-pressure')) {
  const { default: underPressure } = await load('@fastify/under-pressure')
  await app.register(underPressure, { maxEventLoopDelay: 1000, maxEventLoopUtilization: 0.98, retryAfter: 2 })
}
app.get('/work', work)
app.get('/critical', work)
app.get('/health/live', async () => ({ status: 'live' }))
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server.address().port)
