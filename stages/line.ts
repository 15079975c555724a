/** A way to the database that can be cut, as a network is: nothing arrives any more, and nobody is told. It can also lead to
 *  another server from some moment on, as a virtual IP or a DNS name does. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Line {
  /** The address of the database over this line. */
  url: string
  cut(): void
  /** What was under way is lost; new connections work. */
  mend(): void
  /** From now on it leads to another server; connections to the old one break. */
  leadTo(url: string): void
  stop(): Promise<void>
}

export async function openLine(to: string): Promise<Line> {
  let target = new URL(to)
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((inside) => {
    const outside = connect(Number(target.port), target.hostname)
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        if (!isCut) other.destroy()
      })
      socket.on('data', (data) => {
        if (!isCut) other.write(data)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(to)
  url.port = String((server.address() as AddressInfo).port)
  const drop = (): void => sockets.forEach((socket) => socket.destroy())
  return {
    url: url.href,
    cut() {
      isCut = true
    },
    mend() {
      isCut = false
      drop()
    },
    leadTo(next) {
      target = new URL(next)
      drop()
    },
    async stop() {
      drop()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
