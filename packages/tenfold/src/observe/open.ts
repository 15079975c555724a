/** Everything that is loaded once the app listens: the observer that the hooks speak to, and what becomes of what it sees.
 *
 *    hooks ─ requests, queries, outgoing calls ─ telemetry ─ store ─ inspector ─ console
 *                                                        └ evidence ─ advisor ┘ */
import type { Server } from 'node:http'
import { createRepeatWatch, observeConnections } from '../database/index.ts'
import { messageOf } from '../kernel/index.ts'
import { watchNodeClient, watchOutgoing } from '../outbound/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { openConsole } from './console.ts'
import { keep } from './keep.ts'
import { lines } from './lines.ts'
import { countsOf } from './pools.ts'
import { createQueries } from './queries.ts'
import { createRequests } from './requests.ts'
import { say } from './say.ts'
import type { Seat } from './seat.ts'
import { readObserveSettings } from './settings.ts'

/** Begins to observe. Runs in the quiet context of the seat. */
export async function openObservation(seat: Seat, variables: NodeJS.ProcessEnv): Promise<void> {
  const settings = readObserveSettings(variables, process.cwd())
  for (const problem of settings.problems) say(`${problem}; it is left out.`)
  const { name: service, version, env } = settings
  const telemetry = createTelemetry({ service, version, env, level: 'warn', destination: lines(say) })
  const own = new WeakSet<Server>()
  seat.observer = {
    ...createQueries(telemetry, createRepeatWatch(telemetry)),
    ...createRequests(
      telemetry,
      (server) => own.has(server),
      (fn) => seat.quiet.run(true, fn),
    ),
  }
  observeConnections(() => countsOf(seat), telemetry)
  // An app's calls go out as they went before: nothing is added to them.
  watchOutgoing(telemetry, { propagate: false })
  watchNodeClient(telemetry)
  const kept = keep(seat, settings, telemetry)
  const console = await openConsole(settings, telemetry, kept, (server) => {
    own.add(server)
    server.unref()
    server.on('connection', (socket) => socket.unref())
  }).catch((error: unknown) => messageOf(error))
  say(`${service} is observed: ${console}; ${kept.where}.`)
}
