/** Requests, as they reach the app: everything that is built on node:http passes here, whatever its framework. */
import { subscribe } from 'node:diagnostics_channel'
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { Seat } from './seat.ts'

export function hookServers(seat: Seat): void {
  for (const { prototype } of [http.Server, https.Server]) {
    const emit = prototype.emit
    prototype.emit = function (this: Server, event: string, ...args: unknown[]): boolean {
      const go = (): boolean => Reflect.apply(emit, this, [event, ...args]) as boolean
      if (event === 'listening' && seat.quiet.getStore() === undefined) seat.listening(this)
      if (event !== 'request' || !seat.observer) return go()
      const [request, response] = args as [IncomingMessage, ServerResponse]
      return seat.observer.serve(this, request, response, go)
    } as typeof prototype.emit
  }
}

interface Fastify {
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: unknown, done: () => void) => void): unknown
}

interface FastifyRequest {
  raw: object
  routeOptions?: { url?: string }
}

/** Every instance of Fastify says on a channel that it begins, also when it is Nest that makes it.
 *  https://fastify.dev/docs/latest/Reference/Hooks/#diagnostics-channel-hooks */
export function hookFastify(seat: Seat): void {
  subscribe('fastify.initialization', (message) => {
    try {
      const { fastify } = message as { fastify: Fastify }
      fastify.addHook('onRequest', (request, _reply, done) => {
        const template = request.routeOptions?.url
        if (template !== undefined) seat.observer?.routed(request.raw, template)
        done()
      })
    } catch {
      // Its requests are named by their paths, then.
    }
  })
}
