import type { HttpRoute } from './http.ts'
import { respond } from './reply.ts'

export type Checks = Readonly<Record<string, () => Promise<void>>>

export interface Health {
  status: 'ready' | 'starting' | 'stopping' | 'failing'
  checks: Record<string, { state: 'ok' | 'failed' | 'late'; ms: number }>
}

export interface HealthOptions {
  /** What has to answer for this process to be of use, by name. */
  checks: Checks
  /** What it can do without for a while: shown, and nothing more. */
  spare?: Checks
  state: () => 'starting' | 'running' | 'stopping'
  /** How long one check may take, in milliseconds. */
  timeoutMs: number
  onFailure: (name: string, error: unknown) => void
  /** After each answer of `/health/ready`. */
  onAsked?: (status: Health['status']) => void
}

/** `/health/live`: the process answers; for the supervisor that restarts it.
 *  `/health/ready`: it and all that it depends on can take requests; for the load balancer. 503 while starting, stopping,
 *  or without a dependency. Says which check fails, not why: that is in the log. */
export function healthRoutes(options: HealthOptions): HttpRoute[] {
  const common = { method: 'GET', module: 'tenfold', hidden: true } as const
  return [
    { ...common, path: '/health/live', name: 'GET /health/live', handle: async () => ({ status: 'live' }) },
    {
      ...common,
      path: '/health/ready',
      name: 'GET /health/ready',
      handle: async () => {
        const health = await check(options)
        options.onAsked?.(health.status)
        return respond(health, { status: health.status === 'ready' ? 200 : 503 })
      },
    },
  ]
}

async function check({ checks, spare = {}, state, timeoutMs, onFailure }: HealthOptions): Promise<Health> {
  const before = state()
  // Whatever the rest says, the answer is no; and whoever asks has to hear that in time.
  if (before !== 'running') return { status: before, checks: {} }
  const run = async (name: string, probe: () => Promise<void>): Promise<Health['checks'][string]> => {
    const start = performance.now()
    const outcome = await within(probe, timeoutMs).catch((error: unknown) => {
      onFailure(name, error)
      return 'failed' as const
    })
    if (outcome === 'late') onFailure(name, new Error(`no answer within ${timeoutMs} ms`))
    return { state: outcome, ms: Math.round((performance.now() - start) * 10) / 10 }
  }
  const all = Object.entries({ ...checks, ...spare })
  const results = await Promise.all(all.map(async ([name, probe]) => [name, await run(name, probe)] as const))
  const healthy = results.every(([name, { state }]) => state === 'ok' || name in spare)
  const now = state()
  return {
    status: now === 'running' ? (healthy ? 'ready' : 'failing') : now,
    checks: Object.fromEntries(results),
  }
}

function within(probe: () => Promise<void>, ms: number): Promise<'ok' | 'late'> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve('late'), ms)
    const done = (settle: () => void) => (): void => {
      clearTimeout(timer)
      settle()
    }
    Promise.resolve()
      .then(probe)
      .then(
        done(() => resolve('ok')),
        (error: unknown) => done(() => reject(error))(),
      )
  })
}
