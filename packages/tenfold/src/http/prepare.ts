import { type AnySchema, toJsonSchema, toMs } from '../kernel/index.ts'
import type { Limits } from '../limits/index.ts'
import type { Histogram } from '../telemetry/index.ts'
import type { HttpRoute, Priority } from './http.ts'
import { type PreparedLimit, prepareLimits } from './limit.ts'

/** A route with all that can be known before the first request. */
export interface PreparedRoute {
  readonly route: HttpRoute
  readonly name: string
  /** The route as `http.route` names it; undefined when no route matched. */
  readonly template: string | undefined
  readonly limits: readonly PreparedLimit[]
  /** Roles of which the user needs one; undefined when none is asked for. */
  readonly roles: readonly string[] | undefined
  readonly signedIn: boolean
  readonly lookUpSession: boolean
  readonly bodyLimit: number
  readonly timeoutMs: number
  /** Query keys that are arrays: one value on its own is put into one. */
  readonly arrayKeys: readonly string[]
  /** Headers that the route declares, as its schema spells them. */
  readonly headerNames: readonly string[]
  readonly status: number
  readonly priority: Priority
  /** Whether it takes one of the places of requests that run: those that may last as long as they like take none. */
  readonly takesPlace: boolean
  /** Whether it may be asked the plain way: its body is not read in pieces, and its answer does not last. */
  readonly plain: boolean
  /** Health checks: logged at debug only, and never turned away. */
  readonly quiet: boolean
  /** The route's series of the duration histogram, by the first digit of the status. */
  readonly durations: readonly { record(seconds: number): void }[]
}

export interface RouteDefaults {
  bodyLimit: number
  streamLimit: number
  timeoutMs: number
  limits: Pick<Limits, 'define'>
  durations: Histogram
}

export function prepareRoute(route: HttpRoute, defaults: RouteDefaults, quiet = false): PreparedRoute {
  const auth = route.auth ?? 'public'
  return {
    route,
    name: route.name,
    template: route.path === '' ? undefined : route.path,
    limits: prepareLimits(route, defaults.limits),
    roles: typeof auth === 'object' ? [auth.role].flat() : undefined,
    signedIn: typeof auth === 'object' || auth === 'user',
    lookUpSession: auth !== 'public',
    bodyLimit: route.bodyLimit ?? (route.body === 'stream' ? defaults.streamLimit : defaults.bodyLimit),
    timeoutMs: route.timeout === undefined ? defaults.timeoutMs : toMs(route.timeout),
    arrayKeys: route.query ? arrayKeysOf(route.query, route.name) : [],
    headerNames: route.headers ? Object.keys(propertiesOf(route.headers, route.name)) : [],
    status: route.status ?? 200,
    priority: route.priority ?? 'normal',
    takesPlace: route.body !== 'stream' && route.timeout !== 0,
    plain: route.body !== 'stream' && route.socket === undefined && route.timeout !== 0,
    quiet,
    durations: [0, 1, 2, 3, 4, 5].map((digit) =>
      defaults.durations.series({
        'http.request.method': route.method,
        'http.route': route.path === '' ? '(unmatched)' : route.path,
        'http.response.status_class': `${digit}xx`,
      }),
    ),
  }
}

/** `?tag=a` and `?tag=a&tag=b` must both fit `tag: z.array(z.string())`. Schemas that cannot say get what came. */
function arrayKeysOf(schema: AnySchema, name: string): string[] {
  try {
    const properties = propertiesOf(schema, name)
    return Object.keys(properties).filter((key) => properties[key]!.type === 'array')
  } catch {
    return []
  }
}

function propertiesOf(schema: AnySchema, name: string): Record<string, { type?: string }> {
  return (toJsonSchema(schema, 'input', name)['properties'] ?? {}) as Record<string, { type?: string }>
}
