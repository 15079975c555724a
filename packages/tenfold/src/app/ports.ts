import { createServer } from 'node:net'
import type { Environment } from '../config/index.ts'

export function portOfWeb({ port, host, env }: Environment): Promise<number> {
  return freePort(port, 3000, host, env !== 'production')
}

export function portOfConsole({ consolePort, consoleHost, env }: Environment): Promise<number> {
  return freePort(consolePort, 4100, consoleHost, env !== 'production')
}

/** The port to listen on: the one that was asked for (if it is taken, listening will say so); else `usual`, or in
 *  development the next free one after it. */
async function freePort(asked: number | undefined, usual: number, host: string, developing: boolean): Promise<number> {
  if (asked !== undefined || !developing) return asked ?? usual
  for (let port = usual; port < usual + 50; port++) if (await isFree(port, host)) return port
  return 0
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
