/** The way out of a machine that has no network: a proxy on a socket file, for apt (plain requests) and npm (CONNECT). */
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'

export const PROXY_PORT = 3128

export interface Proxy {
  close(): Promise<void>
}

export function openProxy(path: string): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const server = createServer((from, to) => {
    const asking = request(from.url!, { method: from.method, headers: from.headers }, (answer) => {
      to.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(to)
    })
    asking.on('error', () => to.destroy())
    from.pipe(asking)
  })
  server.on('connect', (from: IncomingMessage, socket: Socket, head: Buffer) => {
    const [host, port] = from.url!.split(':')
    const to = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connected\r\n\r\n')
      to.write(head)
      to.pipe(socket).pipe(to)
    })
    for (const one of [socket, to])
      one.on('error', () => {
        socket.destroy()
        to.destroy()
      })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  return new Promise((resolve) =>
    server.listen(path, () =>
      resolve({
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            for (const socket of sockets) socket.destroy()
          }),
      }),
    ),
  )
}
