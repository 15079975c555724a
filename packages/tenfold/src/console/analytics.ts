/** Product analytics in the console: each question is JSON in the address, `?q={…}`, so that a page can be shared. */
import type { Analytics, SavedReport } from '../analytics/index.ts'
import type { ApiRoute } from './api.ts'
import { ConsoleBadRequest, ConsoleNotFound } from './errors.ts'
import { text, type Query } from './query.ts'

type Answer = (analytics: Analytics, query: Query, ...params: string[]) => Promise<unknown>

export const ANALYTICS_ROUTES: readonly ApiRoute[] = [
  get('/analytics/names', (analytics) => analytics.names()),
  get('/analytics/properties', (analytics, query) => analytics.properties(text(query, 'event').event ?? '')),
  get('/analytics/funnel', (analytics, query) => analytics.funnel(questionOf(query))),
  get('/analytics/retention', (analytics, query) => analytics.retention(questionOf(query))),
  get('/analytics/trend', (analytics, query) => analytics.trend(questionOf(query))),
  get('/analytics/lifecycle', (analytics, query) => analytics.lifecycle(questionOf(query))),
  get('/analytics/paths', (analytics, query) => analytics.paths(questionOf(query))),
  get('/analytics/activity', (analytics, query) => analytics.activity(questionOf(query))),
  get('/analytics/reports', (analytics) => analytics.reports.list()),
  post('/analytics/reports', 'save report', (analytics, query) => {
    const { title = '', kind = '' } = { ...text(query, 'title'), ...text(query, 'kind') }
    return analytics.reports.save({ title, kind: kind as SavedReport['kind'], query: questionOf(query) })
  }),
  post('/analytics/reports/([^/]{1,200})/remove', 'remove report', async (analytics, _query, id) => ({
    done: await analytics.reports.remove(id!),
  })),
]

function get(path: string, answer: Answer): ApiRoute {
  return { method: 'GET', path: new RegExp(`^${path}$`), answer: asked(answer) }
}

function post(path: string, action: string, answer: Answer): ApiRoute {
  return { method: 'POST', path: new RegExp(`^${path}$`), action, answer: asked(answer) }
}

function asked(answer: Answer): ApiRoute['answer'] {
  return async ({ analytics }, query, ...params) => {
    if (!analytics) throw ConsoleNotFound({ what: 'product analytics in this console' })
    return answer(analytics, query, ...params)
  }
}

function questionOf<Question>(query: Query): Question {
  const given = query.get('q') ?? ''
  try {
    const value: unknown = JSON.parse(given)
    if (typeof value === 'object' && value !== null) return value as Question
  } catch {
    // said below
  }
  throw ConsoleBadRequest({ field: 'q', expected: 'a question as JSON' })
}
