/** The alerts and the metrics of the business, as addresses of the API.
 *
 *    GET  /api/alerts                                       AlertsOverview; null where there are none
 *    POST /api/alerts/:rule/silence?for=<ms>&because=       { id }       `*` is every rule
 *    POST /api/alerts/:rule/acknowledge                     { done }
 *    POST /api/silences/:id/end                             { done }
 *    POST /api/channels/:name/test                          { done }
 *    GET  /api/business?minutes=                            BusinessMetric[] */
import type { ApiRoute } from './api.ts'
import { ConsoleNotFound } from './errors.ts'
import { number, text } from './query.ts'
import type { ConsoleSource } from './source.ts'

const BY = 'the console'
const HOUR_MS = 3_600_000
const LONGEST_MS = 7 * 24 * HOUR_MS

export const ALERT_ROUTES: readonly ApiRoute[] = [
  { method: 'GET', path: /^\/alerts$/, answer: async ({ alerts }) => (await alerts?.overview()) ?? null },
  {
    method: 'POST',
    path: /^\/alerts\/([^/]{1,200})\/silence$/,
    action: 'silence alerts',
    answer: async (source, query, rule) => {
      const { for: forMs = HOUR_MS } = number(query, 'for', 60_000, LONGEST_MS)
      const { because = 'no reason given' } = text(query, 'because')
      const what = { by: BY, comment: because, forMs, ...(rule !== undefined && rule !== '*' && { rule }) }
      return { id: await alertsOf(source).silence(what) }
    },
  },
  {
    method: 'POST',
    path: /^\/alerts\/([^/]{1,200})\/acknowledge$/,
    action: 'acknowledge alert',
    answer: async (source, _query, rule = '') => ({ done: await alertsOf(source).acknowledge(rule, BY) }),
  },
  {
    method: 'POST',
    path: /^\/silences\/([^/]{1,200})\/end$/,
    action: 'end silence',
    answer: async (source, _query, id = '') => ({ done: await alertsOf(source).endSilence(id) }),
  },
  {
    method: 'POST',
    path: /^\/channels\/([^/]{1,200})\/test$/,
    action: 'test channel',
    answer: async (source, _query, name = '') => {
      await alertsOf(source).test(name)
      return { done: true }
    },
  },
  {
    method: 'GET',
    path: /^\/business$/,
    answer: async ({ business }, query) =>
      (await business?.({ minutes: 1440, ...number(query, 'minutes', 1, 60 * 24 * 14) })) ?? [],
  },
]

function alertsOf({ alerts }: ConsoleSource): NonNullable<ConsoleSource['alerts']> {
  if (!alerts) throw ConsoleNotFound({ what: 'alert' })
  return alerts
}
