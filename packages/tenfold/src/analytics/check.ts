/** Whether a question makes sense, before the database is asked. */
import { toMs, type Duration } from '../kernel/index.ts'
import type { Filter, FunnelQuery, PathsQuery, Range, RetentionQuery, Selection, TrendQuery } from './analytics.ts'
import { AnalyticsQueryInvalid } from './errors.ts'

const DAY = /^\d{4}-\d{2}-\d{2}$/
const MOST_DAYS = 800
const FILTERS: readonly Filter['is'][] = ['equal', 'not equal', 'contains', 'greater', 'less', 'set', 'not set']
const DAY_MS = 86_400_000

export function checkRange({ from, to }: Range): void {
  for (const [field, day] of Object.entries({ from, to })) {
    if (typeof day !== 'string' || !DAY.test(day) || isNotADay(day)) refuse(field, 'a day, such as 2026-11-30')
  }
  if (from > to) refuse('to', `a day not before ${from}`)
  if ((Date.parse(to) - Date.parse(from)) / DAY_MS >= MOST_DAYS)
    refuse('from', `at most ${MOST_DAYS} days before the end`)
}

export function checkFunnel(query: FunnelQuery): Required<Pick<FunnelQuery, 'order' | 'entry'>> & { windowMs: number } {
  checkRange(query)
  const { steps, order = 'ordered', entry = 'any' } = query
  if (!Array.isArray(steps) || steps.length < 2 || steps.length > 10) refuse('steps', 'a list of 2 to 10 steps')
  steps.forEach((step, i) => checkSelection(step, `steps[${i}]`))
  oneOf('order', order, ['ordered', 'strict', 'any'])
  oneOf('entry', entry, ['any', 'first'])
  text('group', query.group)
  text('breakdown', query.breakdown)
  const windowMs = timeOf('window', query.window ?? '14d')
  if (windowMs <= 0 || windowMs > MOST_DAYS * DAY_MS)
    refuse('window', `a time of up to ${MOST_DAYS} days, such as '14d'`)
  return { order, entry, windowMs }
}

export function checkPaths(query: PathsQuery): { direction: 'after' | 'before'; depth: number; gapMs: number } {
  checkRange(query)
  const { start, direction = 'after', depth = 4, gap = '30m' } = query
  checkSelection(start, 'start')
  oneOf('direction', direction, ['after', 'before'])
  if (!Number.isInteger(depth) || depth < 1 || depth > 6) refuse('depth', 'a number from 1 to 6')
  const gapMs = timeOf('gap', gap)
  if (gapMs <= 0 || gapMs > 30 * DAY_MS) refuse('gap', "a time of up to 30 days, such as '30m'")
  return { direction, depth, gapMs }
}

function timeOf(field: string, time: string | number): number {
  try {
    return toMs(time as Duration)
  } catch {
    return refuse(field, "a time such as '30m', '24h' or '14d'")
  }
}

export function checkRetention(query: RetentionQuery): void {
  checkRange(query)
  oneOf('by', query.by, ['day', 'week', 'month'])
  oneOf('cohort', query.cohort ?? 'first', ['first', 'recurring'])
  oneOf('measure', query.measure ?? 'on', ['on', 'onOrAfter'])
  if (query.start) checkSelection(query.start, 'start')
  if (query.back) checkSelection(query.back, 'back')
  for (const [from, to] of query.brackets ?? []) {
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 1 && to >= from)) {
      refuse('brackets', 'a list of pairs, such as [[1, 1], [2, 7]]')
    }
  }
}

export function checkTrend(query: TrendQuery): void {
  checkRange(query)
  oneOf('by', query.by, ['hour', 'day', 'week', 'month'])
  oneOf('count', query.count ?? 'events', ['events', 'people'])
  text('breakdown', query.breakdown)
  if (!Array.isArray(query.events) || query.events.length < 1 || query.events.length > 10) {
    refuse('events', 'a list of 1 to 10 events')
  }
  query.events.forEach((event, i) => checkSelection(event, `events[${i}]`))
  if (query.by === 'hour' && Date.parse(query.to) - Date.parse(query.from) > 31 * DAY_MS) {
    refuse('by', 'day, week or month for more than 31 days')
  }
}

function checkSelection(selection: Selection, at: string): void {
  const { event, where = [] } = Object(selection) as Selection
  if (typeof event !== 'string' || event === '') refuse(`${at}.event`, 'the name of an event')
  if (!Array.isArray(where) || where.length > 10) refuse(`${at}.where`, 'a list of up to 10 filters')
  where.forEach((filter, i) => {
    const { property, is, values = [] } = Object(filter) as Filter
    const place = `${at}.where[${i}]`
    if (typeof property !== 'string' || property === '') refuse(`${place}.property`, 'the name of a property')
    oneOf(`${place}.is`, is, FILTERS)
    const plain = Array.isArray(values) && values.every((one) => ['string', 'number', 'boolean'].includes(typeof one))
    if (!plain || values.length > 100) refuse(`${place}.values`, 'a list of up to 100 texts, numbers or booleans')
    if (!is.endsWith('set') && values.length === 0) refuse(`${place}.values`, 'a list with a value')
    if ((is === 'greater' || is === 'less') && typeof values[0] !== 'number') refuse(`${place}.values`, 'one number')
  })
}

function oneOf(field: string, value: unknown, allowed: readonly string[]): void {
  if (!allowed.includes(value as string)) refuse(field, `one of ${allowed.join(', ')}`)
}

function text(field: string, value: unknown): void {
  if (value !== undefined && (typeof value !== 'string' || value === '' || value.length > 100)) {
    refuse(field, 'a name of up to 100 characters')
  }
}

function isNotADay(day: string): boolean {
  const at = Date.parse(`${day}T00:00:00Z`)
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== day
}

function refuse(field: string, expected: string): never {
  throw AnalyticsQueryInvalid({ field, expected })
}
