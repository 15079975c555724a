import { defineError } from '../kernel/index.ts'

export const AnalyticsEventInvalid = defineError('TF_ANALYTICS_EVENT', {
  says: (e: { name: string; problem: string }) => `The event '${e.name}' cannot be kept: ${e.problem}.`,
  fix: 'Give a name of up to 100 characters, a UUID as its id, a time of the last 13 months, and plain values as properties.',
  status: 422,
})

export const AnalyticsQueryInvalid = defineError('TF_ANALYTICS_QUERY', {
  says: (e: { field: string; expected: string }) => `'${e.field}' has to be ${e.expected}.`,
  fix: 'Change that part of the question.',
  status: 422,
})

export const AnalyticsTooMany = defineError('TF_ANALYTICS_TOO_MANY', {
  says: (e: { events: number; most: number }) => `The question reads ${e.events} events; ${e.most} is the most.`,
  fix: 'Ask for fewer days or rarer events.',
  status: 422,
})

export const AnalyticsNames = defineError('TF_ANALYTICS_NAMES', {
  says: (e: { name: string; most: number }) => `'${e.name}' would be one event name more than ${e.most}.`,
  fix: 'Put what differs into a property: a name is a kind of event, not one thing that happened.',
  status: 422,
})

export const AnalyticsBusy = defineError('TF_ANALYTICS_BUSY', {
  says: (e: { events: number }) => `${e.events} events came while too many wait to be stored.`,
  fix: 'Send them again in some seconds, under the same ids; if this stays, the database is too slow or away.',
  status: 503,
})

export const AnalyticsColumns = defineError('TF_ANALYTICS_COLUMNS', {
  says: (e: { problem: string }) => `The copy of the events by columns did not answer: ${e.problem}`,
  fix: 'See whether the server that ANALYTICS_COLUMNS names runs, and lets us in, or its file is whole and its disk has room; without the variable Postgres answers.',
  status: 503,
})
