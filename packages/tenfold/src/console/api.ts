/** The API of inspect/api.ts as data: one row per address. */
import type { TraceDetail } from '../inspect/index.ts'
import { ALERT_ROUTES } from './alerts.ts'
import { ANALYTICS_ROUTES } from './analytics.ts'
import { ConsoleNotFound } from './errors.ts'
import { HELD_ROUTES } from './held.ts'
import { INDEX_ROUTES } from './indexes.ts'
import { flag, number, oneOf, text, type Query } from './query.ts'
import type { ConsoleSource } from './source.ts'
import { WEBHOOK_ROUTES } from './webhooks.ts'

export interface ApiRoute {
  method: 'GET' | 'POST'
  /** Matches the path after `/api`; its groups are the parameters. */
  path: RegExp
  /** Written to the log when it was done: who did what. */
  action?: string
  answer(source: ConsoleSource, query: Query, ...params: string[]): Promise<unknown>
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
const STATES = ['waiting', 'delayed', 'blocked', 'running', 'done', 'dead', 'cancelled'] as const
const KINDS = ['request', 'job', 'cron', 'event', 'task'] as const

export const API_ROUTES: readonly ApiRoute[] = [
  get('/overview', (source, query) => source.overview(windowOf(query))),
  get('/routes', (source, query) => source.routes(windowOf(query))),
  get('/heat', (source, query) => source.heat({ ...windowOf(query), ...text(query, 'name') })),
  get('/calls', (source, query) => source.calls(windowOf(query))),
  get('/modules', async (source) => found(source.modules?.(), 'list of modules')),
  get('/queries', (source, query) => source.queries(windowOf(query))),
  get('/caches', (source, query) => source.caches(windowOf(query))),
  get('/limits', (source, query) => source.limits(windowOf(query))),
  get('/traces', (source, query) =>
    source.traces({
      ...oneOf(query, 'kind', KINDS),
      ...text(query, 'name'),
      ...number(query, 'min', 0, 86_400_000),
      ...flag(query, 'error'),
      ...number(query, 'before', 0, Number.MAX_SAFE_INTEGER),
      ...limitOf(query, 100),
    }),
  ),
  get('/traces/:id', async (source, _query, id) => found<TraceDetail>(await source.trace(id), `trace ${id}`)),
  get('/findings', (source, query) => source.findings({ minutes: 1440, ...windowGiven(query) })),
  get('/jobs/summary', (source) => source.jobSummary()),
  get('/jobs', (source, query) =>
    source.jobs({
      ...oneOf(query, 'state', STATES),
      ...text(query, 'name'),
      ...text(query, 'search'),
      ...text(query, 'before'),
      ...limitOf(query, 100),
    }),
  ),
  get('/jobs/:id', async (source, _query, id) => found(await source.job(id), `job ${id}`)),
  post('/jobs/:id/retry', 'retry job', async (source, _query, id) => ({ done: await source.retryJob(id) })),
  post('/jobs/:id/discard', 'discard job', async (source, _query, id) => ({ done: await source.discardJob(id) })),
  post('/jobs/:id/cancel', 'cancel job', async (source, _query, id) => ({ done: await source.cancelJob(id) })),
  post('/jobs/:name/pause', 'pause jobs', async (source, _query, name) => ({ done: await source.pauseJobs(name) })),
  post('/jobs/:name/resume', 'resume jobs', async (source, _query, name) => ({ done: await source.resumeJobs(name) })),
  get('/crons', (source) => source.crons()),
  post('/crons/:name/run', 'run cron', async (source, _query, name) =>
    found(await source.runCron(name), `cron '${name}'`),
  ),
  get('/logs', (source, query) =>
    source.logs({
      ...oneOf(query, 'level', LEVELS),
      ...text(query, 'search'),
      ...text(query, 'trace'),
      ...text(query, 'before'),
      ...limitOf(query, 200),
    }),
  ),
  get('/log-level', async ({ level }) => found(level, 'log level in this console').now()),
  post('/log-level', 'set log level', ({ level }, query) => {
    const { level: wanted = 'debug', minutes = 15 } = {
      ...oneOf(query, 'level', LEVELS),
      ...number(query, 'minutes', 0, 24 * 60),
    }
    return found(level, 'log level in this console').set(wanted, minutes)
  }),
  ...ANALYTICS_ROUTES,
  ...ALERT_ROUTES,
  ...HELD_ROUTES,
  ...INDEX_ROUTES,
  ...WEBHOOK_ROUTES,
  get('/twin', async (source) => (await source.twinRuns?.()) ?? []),
  get('/load', async ({ load }) => (await load?.list()) ?? []),
  get('/load/compare', ({ load }, query) => {
    const { before = '', after = '' } = { ...text(query, 'before'), ...text(query, 'after') }
    return found(load, 'load runs in this console').compare(before, after)
  }),
  get('/advice', async (source) => (await source.advice?.()) ?? null),
  get('/mails', (source) => source.mails()),
  get('/mails/:id', async (source, _query, id) => found(await source.mail(id), `mail ${id}`)),
]

function get(path: string, answer: ApiRoute['answer']): ApiRoute {
  return { method: 'GET', path: pattern(path), answer }
}

function post(path: string, action: string, answer: ApiRoute['answer']): ApiRoute {
  return { method: 'POST', path: pattern(path), action, answer }
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:\w+/g, '([^/]{1,200})')}$`)
}

function windowOf(query: Query): { minutes: number } {
  return { minutes: 60, ...windowGiven(query) }
}

function windowGiven(query: Query): { minutes?: number } {
  return number(query, 'minutes', 1, 60 * 24 * 31)
}

function limitOf(query: Query, usual: number): { limit: number } {
  return { limit: usual, ...number(query, 'limit', 1, 500) }
}

function found<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw ConsoleNotFound({ what })
  return value
}
