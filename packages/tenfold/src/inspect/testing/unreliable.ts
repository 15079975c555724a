import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { openDatabase, type Database } from '../../database/index.ts'
import type { TestDatabase } from '../../database/testing/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'

export interface UnreliableDatabase {
  database: Database
  /** Ends all connections, and refuses new ones. */
  goAway(): void
  comeBack(): Promise<void>
  close(): Promise<void>
}

/** A second way to a test database, over a wire that can be cut. */
export async function unreliable(to: TestDatabase, telemetry: Telemetry): Promise<UnreliableDatabase> {
  const target = new URL(to.url)
  const sockets = new Set<Socket>()
  const wire = createServer((client) => {
    const server = connect(Number(target.port || 5432), target.hostname)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  wire.listen(0, '127.0.0.1')
  await once(wire, 'listening')
  const { port } = wire.address() as { port: number }
  const url = new URL(to.url)
  url.host = `127.0.0.1:${port}`
  const { app, secretKey, roleMode } = to
  const database = openDatabase({ url: url.href, app, secretKey, roleMode, telemetry, maxConnections: 4 })

  const goAway = (): void => {
    wire.close()
    for (const socket of sockets) socket.destroy()
  }
  return {
    database,
    goAway,
    async comeBack() {
      wire.listen(port, '127.0.0.1')
      await once(wire, 'listening')
    },
    async close() {
      await database.service.stop()
      goAway()
    },
  }
}
