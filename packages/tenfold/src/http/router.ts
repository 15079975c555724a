import findMyWay from 'find-my-way'
import type { PreparedRoute } from './prepare.ts'

/** Of Fastify's router, and of the one beside it. */
export const ROUTER_OPTIONS = { maxParamLength: 2000 }

export interface Found {
  readonly route: PreparedRoute
  readonly params: unknown
  readonly query: unknown
}

/** Finds routes without Fastify, by Fastify's own router. */
export interface Router {
  add(route: PreparedRoute): void
  /** Undefined also for a URL that cannot be decoded. */
  find(method: string, url: string): Found | undefined
}

export function createRouter(): Router {
  const router = findMyWay(ROUTER_OPTIONS)
  return {
    add(prepared) {
      const { method, path } = prepared.route
      router.on(method === 'GET' ? ['GET', 'HEAD'] : method, path, () => {}, prepared)
    },
    find(method, url) {
      const found = router.find(method as 'GET', url)
      return found
        ? { route: found.store as PreparedRoute, params: found.params, query: found.searchParams }
        : undefined
    },
  }
}
