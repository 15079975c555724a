import type { RepeatWatch } from '../database/index.ts'
import type { HttpRequest, HttpRoute } from '../http/index.ts'
import type { ContextOf } from './contexts.ts'
import { runInScope, type Module, type RouteDefinition, type Scope } from '../modules/index.ts'

/** The routes of a module as the HTTP server knows them. */
export function routesOf(module: Module, scope: Scope, contextOf: ContextOf, watch?: RepeatWatch): HttpRoute[] {
  return module.parts.filter((part) => part.kind === 'route').map((route) => httpRoute(route, scope, contextOf, watch))
}

function httpRoute(route: RouteDefinition, scope: Scope, contextOf: ContextOf, watch?: RepeatWatch): HttpRoute {
  const { handler, ...options } = route.options
  const [method, path] = route.path.split(' ') as [HttpRoute['method'], string]
  return {
    ...(options as Partial<HttpRoute>),
    method,
    path,
    name: route.path,
    module: route.module,
    handle: (request: HttpRequest) =>
      runInScope(scope, async () => {
        const { params, query, headerValues: headers, body, user, session, signal } = request
        if (options.body !== 'stream') watch?.given('the request body', body)
        const facts = { params, query, headers, body, user, session, request }
        return handler(Object.assign(contextOf(route.module, signal), facts))
      }),
  }
}
