import type { RepeatWatch } from '../database/index.ts'
import { openapi, type HttpRequest, type HttpRoute, type OpenApiDocument } from '../http/index.ts'
import type { ContextOf } from './contexts.ts'
import type { App } from './define.ts'
import { runInScope, type Module, type RouteDefinition, type Scope } from '../modules/index.ts'

/** The routes of a module as the HTTP server knows them. */
export function routesOf(module: Module, scope: Scope, contextOf: ContextOf, watch?: RepeatWatch): HttpRoute[] {
  return module.parts.filter((part) => part.kind === 'route').map((route) => httpRoute(route, scope, contextOf, watch))
}

/** The OpenAPI document of an app that is not running. */
export function routesDocument(app: Pick<App, 'name' | 'modules'>, version: string): OpenApiDocument {
  const routes = app.modules.flatMap(({ parts }) => parts.filter((part) => part.kind === 'route'))
  const unserved = routes.map((route) => ({ ...declared(route), handle: () => Promise.resolve(undefined) }))
  return openapi(unserved, { title: app.name, version })
}

function declared(route: RouteDefinition): Omit<HttpRoute, 'handle'> {
  const { handler: _, socket, follows, ...options } = route.options
  const [method, path] = route.path.split(' ') as [HttpRoute['method'], string]
  const spoken = socket
    ? { socket: { receive: socket.receive, send: socket.send } }
    : follows && { socket: { send: follows.options.message } }
  return { ...(options as Partial<HttpRoute>), method, path, name: route.path, module: route.module, ...spoken }
}

function httpRoute(route: RouteDefinition, scope: Scope, contextOf: ContextOf, watch?: RepeatWatch): HttpRoute {
  const { handler, ...options } = route.options
  return {
    ...declared(route),
    handle: (request: HttpRequest) =>
      runInScope(scope, async () => {
        const { params, query, headerValues: headers, body, user, session, signal } = request
        scope.inherit(request)
        if (options.body !== 'stream') watch?.given('the request body', body)
        const facts = { params, query, headers, body, user, session, request }
        return handler(Object.assign(contextOf(route.module, signal), facts))
      }),
  }
}
