/** Index advice in the console: it takes seconds, so that it is asked for by hand.
 *
 *    GET  /api/indexes                   IndexAdvice
 *    POST /api/indexes/look?days=        IndexAdvice     begins to look; one at a time */
import type { Advice } from '../database/advice/index.ts'
import type { ApiRoute } from './api.ts'
import { ConsoleNotFound } from './errors.ts'
import { number } from './query.ts'
import type { ConsoleSource } from './source.ts'

export type IndexAdvice =
  | { status: 'never' }
  | { status: 'looking'; startedAt: number; days: number }
  | { status: 'found'; startedAt: number; days: number; tookMs: number; advice: Advice }
  | { status: 'failed'; startedAt: number; days: number; message: string; fix: string }

export interface IndexAdvisor {
  state(): IndexAdvice
  /** @param days how far to look back */
  look(days: number): void
}

export const INDEX_ROUTES: readonly ApiRoute[] = [
  { method: 'GET', path: /^\/indexes$/, answer: async (source) => advisorOf(source).state() },
  {
    method: 'POST',
    path: /^\/indexes\/look$/,
    action: 'look for indexes',
    answer: async (source, query) => {
      const { days } = { days: 7, ...number(query, 'days', 1, 60) }
      advisorOf(source).look(days)
      return advisorOf(source).state()
    },
  },
]

function advisorOf({ indexes }: ConsoleSource): IndexAdvisor {
  if (!indexes) throw ConsoleNotFound({ what: 'index advice in this console' })
  return indexes
}
