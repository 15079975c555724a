/** The address of the primary, whichever server that is: what a virtual IP or a DNS name is elsewhere. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Address {
  url: string
  /** From now on it leads to another server; connections to the old one break. */
  leadTo(url: string): void
  stop(): Promise<void>
}

export async function startAddress(first: string): Promise<Address> {
  let target = new URL(first)
  const sockets = new Set<Socket>()
  const server = createServer((inside) => {
    const outside = connect(Number(target.port), target.hostname)
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(first)
  url.port = String((server.address() as AddressInfo).port)
  const cut = (): void => sockets.forEach((socket) => socket.destroy())
  return {
    url: url.href,
    leadTo(next) {
      target = new URL(next)
      cut()
    },
    async stop() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
