import { Server as HttpServer } from 'node:http'
import { type AddressInfo, Server } from 'node:net'
import type { Orders } from '../evidence.ts'
import type { State } from './state.ts'
import type { Witness } from './witness.ts'

/** Says which ports are listened on. The first HTTP server with a port of its own is moved to the one in PORT. */
export function watchListening(witness: Witness, { port }: Orders, state: State): void {
  const listen = Server.prototype.listen
  let moved = false
  const watched = function (this: Server, ...args: unknown[]): Server {
    const wanted = portOf(args)
    const { at } = witness.whence()
    if (wanted !== undefined && wanted !== 0) {
      const move = this instanceof HttpServer && !moved
      if (move) moved = true
      const given = move && wanted !== port ? withPort(args, port) : args
      witness.say({ kind: 'listen', pid: 0, port: 0, wanted, ...(at && { at }) })
      this.once('listening', () => {
        const address = this.address() as AddressInfo
        if (move) state.begin()
        witness.say({ kind: 'listen', pid: process.pid, port: address.port, wanted, ...(at && { at }) })
      })
      return Reflect.apply(listen, this, given)
    }
    return Reflect.apply(listen, this, args)
  }
  Server.prototype.listen = watched as typeof listen
}

function portOf([first]: unknown[]): number | undefined {
  const port = typeof first === 'object' && first !== null ? (first as { port?: unknown }).port : first
  const number = typeof port === 'string' && /^\d+$/.test(port) ? Number(port) : port
  return typeof number === 'number' ? number : undefined
}

function withPort([first, ...rest]: unknown[], port: number): unknown[] {
  return [typeof first === 'object' ? { ...first, port } : port, ...rest]
}
