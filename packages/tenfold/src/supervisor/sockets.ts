/** The listening sockets, which belong to the supervisor: it opens them and never accepts; its processes inherit them. */
import { lookup } from 'node:dns/promises'
import net, { isIP } from 'node:net'
import { PortTaken } from '../http/index.ts'
import { ProcessesUnsupported } from './errors.ts'

export interface ListeningSocket {
  readonly port: number
  /** The file descriptor for a child process; opens the socket if it was closed. */
  fd(): number
  /** Closed, it gets no connections any more: the kernel gives them to the others of its port. Those that wait are reset. */
  close(): void
}

/** What Node's own cluster module makes sockets with. It has no documented name, and nothing documented opens a socket
 *  without also accepting on it. */
interface Handle {
  readonly fd: number
  getsockname(out: { port?: number }): number
  close(): void
}
type CreateHandle = (host: string, port: number, family: 4 | 6, fd: -1, flags: number) => Handle | number

/** `UV_TCP_REUSEPORT` of libuv. */
const REUSE_PORT = 2
/** Its answer where a system has no SO_REUSEPORT: a negative number. */
const UNSUPPORTED = -1

export interface SocketsOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  count: number
  /** Whether the system lets several sockets have one port. Found out by default; `false` does as where it does not. */
  sharesPort?: boolean
}

/** One socket for each process, all on one port: the kernel spreads new connections over them evenly (SO_REUSEPORT). Where
 *  it cannot (macOS), all processes share one socket, which serves as well but spreads them unevenly.
 *
 *  A process that opened its own socket would take the connections that wait on it along when it ends (Linux resets them);
 *  here they wait for its successor. Throws TF_PORT_TAKEN. */
export async function openSockets({
  host,
  port,
  count,
  sharesPort = true,
}: SocketsOptions): Promise<ListeningSocket[]> {
  const create = (net as unknown as { _createServerHandle?: CreateHandle })._createServerHandle
  if (!create || process.platform === 'win32') throw ProcessesUnsupported({ platform: process.platform })
  const address = isIP(host) ? host : (await lookup(host)).address
  const open = (at: number, flags: number): Handle | number =>
    create(address, at, isIP(address) === 6 ? 6 : 4, -1, flags)

  if (port !== 0) await assertFree(address, port)
  const shares = sharesPort ? open(port, REUSE_PORT) : UNSUPPORTED
  const first = typeof shares === 'number' ? open(port, 0) : shares
  if (typeof first === 'number') throw PortTaken({ host, port })
  const taken: { port?: number } = {}
  first.getsockname(taken)
  if (typeof shares === 'number') return sharedBy(count, first, taken.port!, () => open(taken.port!, 0))
  return Array.from({ length: count }, (_, i) =>
    listening(taken.port!, i === 0 ? first : undefined, () => open(taken.port!, REUSE_PORT)),
  )
}

/** One socket for all: closed when the last of them closes it, open again when one wants it back. */
function sharedBy(count: number, first: Handle, port: number, reopen: () => Handle | number): ListeningSocket[] {
  const socket = listening(port, first, reopen)
  const users = new Set(Array.from({ length: count }, (_, i) => i))
  return [...users].map((i) => ({
    port,
    fd() {
      users.add(i)
      return socket.fd()
    },
    close() {
      if (users.delete(i) && users.size === 0) socket.close()
    },
  }))
}

function listening(port: number, first: Handle | undefined, reopen: () => Handle | number): ListeningSocket {
  let handle: Handle | undefined = first
  return {
    port,
    fd() {
      const opened = handle ?? reopen()
      if (typeof opened === 'number') throw PortTaken({ host: '', port })
      handle = opened
      return handle.fd
    },
    close() {
      handle?.close()
      handle = undefined
    },
  }
}

/** With SO_REUSEPORT, a second start of the same app by the same user would quietly share the port with the first. */
function assertFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? PortTaken({ host, port }, { cause: error }) : error),
    )
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()))
  })
}
