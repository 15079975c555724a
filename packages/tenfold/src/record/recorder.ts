/** A proxy that writes down what passes: plain requests, event streams, and what clients say over WebSockets. */
import {
  Agent,
  createServer,
  request as ask,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { request as askSafely } from 'node:https'
import { type AddressInfo, type Server } from 'node:net'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { messageOf } from '../kernel/index.ts'
import { archiveOf, type Archive, type Entry, type Pair } from './archive.ts'
import { RecordPortTaken } from './errors.ts'
import { createSecrets, type Secrets } from './secrets.ts'

export interface RecorderOptions {
  /** The app. */
  target: string
  /** Where clients connect, on this machine only. 0, the default, takes a free port. */
  port?: number
  /** Bytes that are kept at most; what comes after that passes, and is not kept. Defaults to 20 MiB. */
  mostBytes?: number
  /** The version of this program, for the archive. */
  version: string
}

export interface Recorder {
  readonly url: string
  archive(): Archive
  readonly counts: Counts
  close(): Promise<void>
}

export interface Counts {
  /** Requests and sockets that were kept, and that came when there was no room any more. */
  kept: number
  dropped: number
  bytes: number
  /** Bodies that are no text, or too large: their requests are kept without. */
  bodiesLeftOut: number
  users: number
  unknown: Secrets['unknown']
}

const MOST_BODY = 256 * 1024
/** Of the connection, not of the message. */
const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

export async function startRecorder({
  target,
  port = 0,
  mostBytes = 20 * 1024 * 1024,
  version,
}: RecorderOptions): Promise<Recorder> {
  const to = new URL(target)
  const agent = new Agent({ keepAlive: true })
  const secrets = createSecrets()
  const entries: Entry[] = []
  const users = new Set<string>()
  const counts: Counts = { kept: 0, dropped: 0, bytes: 0, bodiesLeftOut: 0, users: 0, unknown: secrets.unknown }
  /** What the app has chosen among the protocols that the client offered. */
  const chosen = new WeakMap<IncomingMessage, string>()
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (_offered, message) => chosen.get(message) || false,
  })

  function begin(message: IncomingMessage): { entry: Entry; full: boolean } {
    const user = secrets.userOf(
      message.headers.cookie,
      `${message.socket.remoteAddress} ${message.headers['user-agent']}`,
    )
    const path = secrets.hidePath(message.url ?? '/')
    const entry = entryOf(message, new URL(to.origin).origin + path, user, secrets)
    return { entry, full: counts.bytes > mostBytes }
  }

  function keep(entry: Entry): void {
    entries.push(entry)
    users.add(entry._user)
    counts.users = users.size
    counts.kept++
    counts.bytes += JSON.stringify(entry).length
  }

  const server: Server = createServer((message, response) => {
    const { entry, full } = begin(message)
    if (full) counts.dropped++
    else keep(entry)
    pass(message, response, (body, answer, text) => {
      finish(entry, answer, Date.now() - Date.parse(entry.startedDateTime))
      if (full) return
      const type = message.headers['content-type'] ?? ''
      if (body === undefined) counts.bodiesLeftOut++
      else if (body !== '') {
        entry.request.postData = { mimeType: type, text: secrets.hideBody(body, type, message.url ?? '/') }
        counts.bytes += body.length
      }
      secrets.gave(entry._user, answer.headers['set-cookie'] ?? [])
      if (text !== undefined) secrets.learn(entry, text)
    })
  })

  /** Hands the request on, and the answer back, as they come. */
  function pass(
    message: IncomingMessage,
    response: ServerResponse,
    done: (body: string | undefined, answer: IncomingMessage, text: string | undefined) => void,
  ): void {
    const body = gather(message)
    const asking = (to.protocol === 'https:' ? askSafely : ask)(
      {
        host: to.hostname.replace(/^\[|\]$/g, ''),
        port: to.port || (to.protocol === 'https:' ? 443 : 80),
        method: message.method,
        path: message.url,
        // Answers are read here, too.
        headers: { ...passed(message.headers), 'accept-encoding': 'identity' },
        ...(to.protocol === 'http:' && { agent }),
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passed(answer.headers))
        // A stream has no end that could be waited for.
        const isStream = /event-stream/.test(answer.headers['content-type'] ?? '')
        if (isStream) done(body(), answer, undefined)
        else {
          const text = gather(answer)
          answer.on('end', () => done(body(), answer, text()))
        }
        answer.pipe(response)
        answer.on('error', () => response.destroy())
      },
    )
    asking.on('error', (error) => {
      if (response.headersSent) return void response.destroy()
      response
        .writeHead(502, { 'content-type': 'text/plain' })
        .end(`tenfold record: ${target} does not answer: ${messageOf(error)}\n`)
    })
    response.on('close', () => asking.destroy())
    message.pipe(asking)
  }

  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const { entry, full } = begin(message)
    const heard: NonNullable<Entry['_webSocketMessages']> = []
    Object.assign(entry, { _resourceType: 'websocket', _webSocketMessages: heard })
    const protocols = message.headers['sec-websocket-protocol']?.split(/, */) ?? []
    const headers = Object.fromEntries(
      Object.entries(passed(message.headers)).filter(([name]) => !/^sec-websocket/.test(name)),
    )
    const upstream = new WebSocket(new URL(message.url ?? '/', to.origin.replace('http', 'ws')), protocols, {
      headers,
      perMessageDeflate: false,
    })
    upstream.on('error', () => socket.destroy())
    upstream.on('unexpected-response', (_request, answer) => {
      socket.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\nconnection: close\r\n\r\n`)
      upstream.terminate()
    })
    upstream.on('open', () => {
      chosen.set(message, upstream.protocol)
      if (full) counts.dropped++
      else keep(entry)
      entry.response.status = 101
      sockets.handleUpgrade(message, socket, head, (client) => {
        client.on('message', (data: Buffer, isBinary) => {
          if (upstream.readyState === upstream.OPEN) upstream.send(data, { binary: isBinary })
          if (isBinary || full || counts.bytes > mostBytes) return
          const text = secrets.hideBody(data.toString(), 'json', message.url ?? '/')
          heard.push({ type: 'send', time: Date.now() / 1000, opcode: 1, data: text })
          counts.bytes += text.length
        })
        upstream.on('message', (data: Buffer, isBinary) => client.send(data, { binary: isBinary }))
        const end = (other: WebSocket) => (code: number, reason: Buffer) =>
          code === 1005 || code === 1006 ? other.terminate() : other.close(code, reason)
        client.on('error', () => {}).on('close', end(upstream))
        upstream.on('close', end(client))
      })
    })
  })

  server.listen(port, '127.0.0.1')
  await once(server, 'listening').catch((error: unknown) => {
    throw (error as { code?: string }).code === 'EADDRINUSE' ? RecordPortTaken({ port }) : error
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    archive: () => archiveOf(entries, version),
    async close() {
      server.close()
      ;(server as unknown as { closeAllConnections(): void }).closeAllConnections()
      for (const one of sockets.clients) one.terminate()
      agent.destroy()
      if (server.listening) await once(server, 'close')
    },
  }
}

/** What comes, as text; undefined when it is none, or too much of it. */
function gather(message: IncomingMessage): () => string | undefined {
  const chunks: Buffer[] = []
  const state = { size: 0 }
  message.on('data', (chunk: Buffer) => {
    state.size += chunk.length
    if (state.size <= MOST_BODY) chunks.push(chunk)
  })
  return () => {
    if (state.size > MOST_BODY) return undefined
    const bytes = Buffer.concat(chunks)
    const text = bytes.toString('utf8')
    return Buffer.from(text).equals(bytes) ? text : undefined
  }
}

function passed(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.has(name)))
}

function entryOf(message: IncomingMessage, url: string, user: string, secrets: Secrets): Entry {
  const path = message.url ?? '/'
  const headers: Pair[] = []
  for (const [name, value] of Object.entries(message.headers)) {
    const shown = secrets.header(name, [value].flat().join(', '), path)
    if (shown !== undefined) headers.push({ name, value: shown })
  }
  const query = new URL(url).searchParams
  return {
    startedDateTime: new Date().toISOString(),
    time: 0,
    request: {
      method: message.method ?? 'GET',
      url,
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers,
      queryString: [...query].map(([name, value]) => ({ name, value })),
      headersSize: -1,
      bodySize: -1,
    },
    response: {
      status: 0,
      statusText: '',
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: [],
      content: { size: -1, mimeType: '' },
      redirectURL: '',
      headersSize: -1,
      bodySize: -1,
    },
    cache: {},
    timings: { send: 0, wait: 0, receive: 0 },
    _user: user,
  }
}

/** What was answered is not kept: it is for whoever it was for. */
function finish(entry: Entry, answer: IncomingMessage, ms: number): void {
  entry.time = ms
  entry.timings.wait = ms
  entry.response.status = answer.statusCode ?? 0
  entry.response.statusText = answer.statusMessage ?? ''
  entry.response.content.mimeType = answer.headers['content-type'] ?? ''
}
