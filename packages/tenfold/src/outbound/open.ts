import { systemClock, type Clock } from '../kernel/index.ts'
import type { Resolve } from './addresses.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { createClient, type OpenClient } from './client.ts'
import { createTallies } from './metrics.ts'
import type { Client, ClientOptions } from './outbound.ts'
import { checkSettings } from './settings.ts'
import { watchOutgoing } from './watch.ts'

export interface Outbound {
  /** A client of its own, with its own connections, circuits and budgets.
   *  @example
   *  const partner = outbound.client({ name: 'partner', baseUrl: 'https://api.partner.example', timeout: '2s' })
   *  const card = await partner.get('/cards/:token', { params: { token }, reply: Card }) */
  client(options: ClientOptions): Client
  close(): Promise<void>
}

export interface OutboundOptions {
  telemetry: Telemetry
  clock?: Clock
  /** How names become addresses. Defaults to `lookup` of node:dns. */
  resolve?: Resolve
}

/** Calls to other services, for one instance. Also watches those that are made with `fetch`. */
export function openOutbound({ telemetry, clock = systemClock, resolve }: OutboundOptions): Outbound {
  const clients = new Set<OpenClient>()
  const tallies = createTallies(telemetry, clients)
  const stopWatching = watchOutgoing(telemetry)
  return {
    client(options) {
      const client = createClient(checkSettings(options), { telemetry, clock, tallies, ...(resolve && { resolve }) })
      clients.add(client)
      return client
    },
    async close() {
      stopWatching()
      await Promise.all([...clients].map((client) => client.close()))
    },
  }
}
