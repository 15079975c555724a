/** Listens on the way between an app and its pooler, whatever the app is written in: which statements want a session of their
 *  own, and what the server refuses. Version 3 of Postgres' protocol. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { postgresStatements } from '../preload/wire.ts'

export interface Tap {
  readonly port: number
  /** What was sent, as `describeBytes` says it: `sql set search_path to …`. */
  statements(): string[]
  /** What was answered with an error: `relation "x" does not exist (42P01)`. */
  errors(): string[]
  close(): Promise<void>
}

const KEPT = 2000

export async function openTap(target: number): Promise<Tap> {
  const statements: string[] = []
  const errors = new Set<string>()
  const sockets = new Set<Socket>()
  const server: Server = createServer((client) => {
    const pooler = connect(target, '127.0.0.1')
    for (const one of [client, pooler]) {
      sockets.add(one)
      one.on('error', () => {}).on('close', () => (sockets.delete(one), client.destroy(), pooler.destroy()))
    }
    client.on('data', (data: Buffer) => {
      if (statements.length < KEPT)
        statements.push(...postgresStatements(data.toString('latin1')).map(({ what }) => what))
    })
    pooler.on('data', (data: Buffer) => {
      const error = errorIn(data)
      if (error && errors.size < 20) errors.add(error)
    })
    client.pipe(pooler).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    statements: () => [...new Set(statements)],
    errors: () => [...errors],
    async close() {
      for (const one of sockets) one.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The first ErrorResponse (`E`) of what came at once: fields with one letter each, M the message and C the SQLSTATE. */
function errorIn(data: Buffer): string | undefined {
  for (let at = 0; at + 5 <= data.length;) {
    const size = data.readUInt32BE(at + 1)
    if (size < 4 || at + 1 + size > data.length) return undefined
    if (data[at] === 0x45) {
      const fields = data.toString('utf8', at + 5, at + 1 + size).split('\0')
      const field = (name: string): string => fields.find((one) => one.startsWith(name))?.slice(1) ?? ''
      return `${field('M')} (${field('C')})`
    }
    at += 1 + size
  }
  return undefined
}
