/** From a request that asks for a WebSocket to the open connection. The request goes the way of every request; where its
 *  answer is a reply of `webSocket`, the handshake of RFC 6455 takes the place of that. */
import { ServerResponse, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Telemetry } from '../../telemetry/index.ts'
import { Overloaded, Stopping } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { Connection } from './connection.ts'
import { UpgradeRequired } from './errors.ts'
import { LIMITS, PING_MS, PROTOCOL, type SocketTalk } from './socket.ts'

/** How long a client may take to answer a close, and how long a stop waits for those that do not. */
const CLOSE_MS = 2000
/** Open connections of one process: at some 10 kB each. */
const MOST_SOCKETS = 10_000
/** Pings between two looks at the session of who has opened it. */
const SESSION_PINGS = 4

export interface SocketKit {
  telemetry: Telemetry
  development: boolean
  counts: { received(route: string): void; sent(route: string): void }
  closed(connection: Connection, route: string, code: number): void
}

export interface Sockets {
  /** What came with the request beyond its head; undefined when it is no request for a WebSocket. */
  headOf(request: IncomingMessage): Buffer | undefined
  /** Does the handshake. The headers, in pairs, go out with it. */
  accept(x: Exchange, talk: SocketTalk, headers: readonly string[]): void
  /** Lets each finish what is under way, for so long at most, and closes all with 1012. From then on none is opened. */
  drain(ms: number): Promise<void>
}

export function isWebSocket({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return method === 'GET' && wantsSocket(headers)
}

export function wantsSocket({ upgrade }: Pick<IncomingHttpHeaders, 'upgrade'>): boolean {
  return upgrade?.toLowerCase() === 'websocket'
}

export interface SocketsOptions {
  telemetry: Telemetry
  development: boolean
  /** Defaults to PING_MS. */
  pingMs?: number
}

export function openSockets(
  server: Server,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
  { telemetry, development, pingMs = PING_MS }: SocketsOptions,
): Sockets {
  const { metrics } = telemetry
  const open = new Set<Connection>()
  /** Closed, and not done yet with what they were told. */
  const ending = new Set<Connection>()
  const heads = new WeakMap<IncomingMessage, Buffer>()
  const shaking = new WeakMap<IncomingMessage, readonly string[]>()
  const servers = new Map<number, WebSocketServer>()
  const life: { draining: boolean; timer: NodeJS.Timeout | undefined } = { draining: false, timer: undefined }
  metrics.observe('tenfold.socket.connections', { help: 'Open WebSockets.', unit: '{connection}' }, () => open.size)
  const messages = metrics.counter('tenfold.socket.messages', { help: 'Messages over WebSockets.', unit: '{message}' })
  const closes = metrics.counter('tenfold.socket.closed', {
    help: 'WebSockets that were closed.',
    unit: '{connection}',
  })
  const kit: SocketKit = {
    telemetry,
    development,
    counts: {
      received: (route) => messages.add(1, { route, direction: 'in' }),
      sent: (route) => messages.add(1, { route, direction: 'out' }),
    },
    closed(connection, route, code) {
      open.delete(connection)
      ending.add(connection)
      void connection.settled().finally(() => ending.delete(connection))
      closes.add(1, { route, code: String(code) })
      if (open.size > 0) return
      clearInterval(life.timer)
      life.timer = undefined
    },
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    // Without `shouldUpgradeCallback` (Node.js before 24.9) requests for other protocols come here, too.
    if (isWebSocket(request)) heads.set(request, head)
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0])
    response.on('finish', () => socket.end())
    serve(request, response)
  })

  const serverFor = (messageBytes: number): WebSocketServer => {
    const known = servers.get(messageBytes)
    if (known) return known
    const made = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: messageBytes,
      // Compression would cost each connection hundreds of kilobytes.
      perMessageDeflate: false,
      autoPong: false,
      handleProtocols: (protocols) => (protocols.has(PROTOCOL) ? PROTOCOL : false),
      ...{ closeTimeout: CLOSE_MS },
    })
    made.on('headers', (lines, request) => {
      const pairs = shaking.get(request) ?? []
      for (let i = 0; i < pairs.length; i += 2) lines.push(`${pairs[i]}: ${pairs[i + 1]}`)
    })
    servers.set(messageBytes, made)
    return made
  }

  return {
    headOf: (request) => heads.get(request),
    accept(x, talk, headers) {
      const [raw, res] = [x.raw, x.res] as [IncomingMessage, ServerResponse]
      const head = heads.get(raw)
      if (head === undefined || !isWellFormed(raw)) throw UpgradeRequired()
      if (life.draining) throw Stopping()
      if (open.size >= MOST_SOCKETS) throw Overloaded()
      const { socket } = raw
      res.detachSocket(socket)
      shaking.set(raw, headers)
      serverFor(talk.limits?.messageBytes ?? LIMITS.messageBytes).handleUpgrade(raw, socket, head, (ws) => {
        const connection = new Connection(ws, x, talk, kit)
        open.add(connection)
        life.timer ??= setInterval(() => {
          const now = performance.now()
          for (const one of open) one.look(now, SESSION_PINGS * pingMs)
        }, pingMs).unref()
        connection.open()
      })
    },
    async drain(ms) {
      life.draining = true
      let timer: NodeJS.Timeout | undefined
      const until = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
      await Promise.all([...open].map((one) => one.restart(until)))
      const end = performance.now() + CLOSE_MS
      while (open.size > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
      for (const one of open) one.terminate()
      await Promise.race([Promise.all([...ending].map((one) => one.settled())), until])
      clearTimeout(timer)
    },
  }
}

/** What the library would answer in words of its own. */
function isWellFormed({ headers }: IncomingMessage): boolean {
  return (
    headers['sec-websocket-version'] === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(String(headers['sec-websocket-key'] ?? ''))
  )
}
