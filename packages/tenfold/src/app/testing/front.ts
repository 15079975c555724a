/** What a load balancer does for an app in parts: each path goes to the process that serves the module of its route. */
import { once } from 'node:events'
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Module } from '../../modules/index.ts'

export interface Front {
  readonly url: string
  /** Where a module is served; `undefined`: what belongs to no module. */
  place(module: string | undefined, url: string): void
  /** Calls between modules that passed, by name. */
  readonly calls: ReadonlyMap<string, number>
  close(): Promise<void>
}

export async function startFront(modules: readonly Module[]): Promise<Front> {
  const places = new Map<string | undefined, string>()
  const calls = new Map<string, number>()
  const moduleOf = finder(modules)
  const server = createServer((request, response) => {
    const path = request.url!.split('?', 1)[0]!
    const call = /^\/_tenfold\/calls\/([\w.-]+)$/.exec(path)?.[1]
    if (call) calls.set(call, (calls.get(call) ?? 0) + 1)
    const module = call ? call.split('.')[0] : moduleOf(path)
    const place = places.get(module) ?? places.get(undefined)
    if (place) forward(request, response, place)
    else response.writeHead(503).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    place: (module, url) => void places.set(module, url),
    calls,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function forward(request: IncomingMessage, response: ServerResponse, to: string): void {
  const { method, headers, url } = request
  const forwarded = send(new URL(to), { method, headers, path: url }, (answer) => {
    response.writeHead(answer.statusCode!, answer.rawHeaders)
    answer.pipe(response)
    // It was answered before all of it had come: what still comes is nobody's.
    request.unpipe(forwarded).resume()
  })
  // With an answer on its way, the end of the other connection is no fault.
  forwarded.on('error', () => void (response.headersSent || response.writeHead(502).end()))
  response.on('close', () => forwarded.destroy())
  request.pipe(forwarded)
}

function finder(modules: readonly Module[]): (path: string) => string | undefined {
  const routes = modules.flatMap((module) =>
    module.parts.flatMap((part) =>
      part.kind === 'route' ? { module: module.name, segments: part.path.split(' ')[1]!.split('/') } : [],
    ),
  )
  return (path) => {
    const segments = path.split('/')
    const fits = (own: readonly string[]): boolean =>
      own.at(-1) === '*'
        ? own.slice(0, -1).every((part, i) => part.startsWith(':') || part === segments[i])
        : own.length === segments.length && own.every((part, i) => part.startsWith(':') || part === segments[i])
    const exact = routes.find((route) => !route.segments.some((part) => part.startsWith(':')) && fits(route.segments))
    return (exact ?? routes.find((route) => fits(route.segments)))?.module
  }
}
