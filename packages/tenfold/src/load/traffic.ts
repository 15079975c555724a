/** Requests to send, made from what an app has and from what it was asked. */
import type { Sql } from '../database/index.ts'
import type { PlainRequest } from './load.ts'

/** What a route's definition says that matters here. */
export interface RouteFacts {
  /** `GET /orders/:id` */
  path: string
  /** Open to everybody. */
  isPublic: boolean
}

export interface Traffic {
  requests: PlainRequest[]
  /** What cannot be sent, with the reason, in words. */
  left: string[]
}

/** Every public GET route without parameters, equally often. */
export function fromRoutes(routes: readonly RouteFacts[]): Traffic {
  const plain = routes.filter(({ path, isPublic }) => isPublic && /^GET \/[^:*]*$/.test(path))
  return {
    requests: plain.map(({ path }) => ({ weight: 1, route: path, path: path.slice(4) })),
    left: routes
      .filter(({ path }) => !plain.some((one) => one.path === path))
      .map(({ path, isPublic }) => `${path}: ${whyNot(path, isPublic)}`),
  }
}

function whyNot(path: string, isPublic: boolean): string {
  if (!path.startsWith('GET ')) return 'it changes something'
  return isPublic ? 'nothing says which value its path should have' : 'it needs somebody who is signed in'
}

const PATHS_OF_A_ROUTE = 50

/** What was asked in the last `hours`, as often as it was: GET requests with the paths that traces have kept. Queries of the
 *  address, bodies and sign-ins are not kept, so that what needs one of them is left out, and said. */
export async function fromTelemetry(sql: Sql, hours: number): Promise<Traffic> {
  const { rows } = await sql.query<{ route: string; share: number; paths: string[] | null; failed: number }>(
    `with counted as (
       select name, sum(count)::float8 as n, sum(errors)::float8 as errors from tenfold.telemetry_operation_1m
        where kind = 'request' and name <> '*' and time > now() - make_interval(hours => $1::int) group by name
     ), kept as (
       select name, spans -> 0 -> 'with' ->> 'url.path' as path
         from tenfold.telemetry_trace
        where kind = 'request' and not failed and status < 400 and name like 'GET %'
          and started_at > now() - make_interval(hours => $1::int)
     ), paths as (
       select name, (array_agg(distinct path) filter (where path is not null))[1:${PATHS_OF_A_ROUTE}] as paths from kept group by name
     )
     select name as route, (n / sum(n) over ())::float8 as share, paths, errors as failed
       from counted left join paths using (name) order by n desc`,
    [hours],
  )
  const traffic: Traffic = { requests: [], left: [] }
  for (const { route, share, paths } of rows) {
    if (paths && paths.length > 0) {
      for (const path of paths) traffic.requests.push({ weight: share / paths.length, route, path })
    } else {
      const why = route.startsWith('GET ')
        ? 'no good answer to it is among the kept traces'
        : 'what was sent is not kept'
      traffic.left.push(`${route}, ${(share * 100).toFixed(1)} % of the requests: ${why}`)
    }
  }
  return traffic
}
