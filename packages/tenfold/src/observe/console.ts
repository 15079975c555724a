import type { Server } from 'node:http'
import { ConsolePortTaken, createConsole, type ConsoleOptions } from '../console/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Kept } from './keep.ts'
import type { ObserveSettings } from './settings.ts'

const USUAL_PORT = 4100
const PORTS = 50

/** The console and `/metrics`, on a port of their own. Resolves to a clause about where it is, or why it is not. */
export async function openConsole(
  { env, host, port, token, metricsToken }: ObserveSettings,
  telemetry: Telemetry,
  { source }: Kept,
  onServer: (server: Server) => void,
): Promise<string> {
  if (env === 'production' && !token) return 'the console is closed (TENFOLD_CONSOLE_TOKEN opens it)'
  const options: Omit<ConsoleOptions, 'port'> = {
    inspector: source,
    telemetry,
    scrape: { telemetry, token: metricsToken },
    host,
    access: token ? { kind: 'token', token } : { kind: 'open' },
    onServer,
  }
  const last = port === undefined ? USUAL_PORT + PORTS : port
  for (let next = port ?? USUAL_PORT; ; next++) {
    const console = createConsole({ ...options, port: next })
    try {
      await console.start()
      return `console and /metrics at ${console.url()}`
    } catch (error) {
      if (!ConsolePortTaken.is(error) || next >= last) throw error
    }
  }
}
