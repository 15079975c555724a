/** A balancer without stickiness: each request goes to whichever instance the plan says, whoever asks. */
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { isSafe } from './scenario.ts'

export interface Target {
  host: string
  port: number
  /** `a`, `b`: for reports. */
  name: string
}

/** `alternate`: each request to the next one. `apart`: what changes something to the first, what only reads to the others. */
export type Plan = 'alternate' | 'apart'

export interface Balancer {
  readonly url: string
  /** Those that get requests from now on. */
  targets: Target[]
  close(): Promise<void>
}

/** The header of answers that says which instance gave it. */
export const INSTANCE_HEADER = 'x-tenfold-twin-instance'

export async function startBalancer(targets: Target[], plan: Plan): Promise<Balancer> {
  let turn = 0
  const open = new Set<Duplex>()
  const choose = (method: string): Target | undefined => {
    const { targets: all } = balancer
    if (plan === 'alternate' || all.length < 2) return all[turn++ % all.length]
    return isSafe(method) ? all[1 + (turn++ % (all.length - 1))] : all[0]
  }
  const server = createServer((request, response) => forward(request, response, choose(request.method ?? 'GET')))
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  // A WebSocket is not safe to repeat, and an event stream only reads: with `apart` they land on different sides.
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const target = choose('GET')
    if (target) tunnel(request, socket, head, target)
    else socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const balancer: Balancer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    async close() {
      server.close()
      for (const socket of open) socket.destroy()
      await Promise.resolve()
    },
  }
  return balancer
}

function forward(request: IncomingMessage, response: ServerResponse, target: Target | undefined): void {
  const fail = (why: string): void => {
    if (response.headersSent) return void response.destroy()
    response.writeHead(502, { 'content-type': 'text/plain', [INSTANCE_HEADER]: target?.name ?? '' }).end(why)
  }
  if (!target) return fail('there is no instance')
  const { method, url, rawHeaders } = request
  const upstream = httpRequest({
    host: target.host,
    port: target.port,
    method,
    path: url,
    headers: grouped(rawHeaders),
  })
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, [...answer.rawHeaders, INSTANCE_HEADER, target.name])
    response.flushHeaders()
    answer.pipe(response)
    answer.on('error', () => response.destroy())
  })
  upstream.on('error', (error) => fail(`the instance broke the connection: ${error.message}`))
  response.on('close', () => upstream.destroy())
  request.on('error', () => upstream.destroy())
  request.pipe(upstream)
}

function grouped(raw: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string[]> = {}
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (name !== 'connection') (headers[name] ??= []).push(raw[i + 1]!)
  }
  return Object.fromEntries(Object.entries(headers).map(([name, all]) => [name, all.length === 1 ? all[0]! : all]))
}

function tunnel(request: IncomingMessage, socket: Duplex, head: Buffer, target: Target): void {
  const upstream: Socket = connect(target.port, target.host, () => {
    const lines = request.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []))
    upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    upstream.write(head)
    upstream.pipe(socket)
    socket.pipe(upstream)
  })
  upstream.on('error', () => socket.destroy())
  socket.on('error', () => upstream.destroy())
  socket.on('close', () => upstream.destroy())
  upstream.on('close', () => socket.destroy())
}
