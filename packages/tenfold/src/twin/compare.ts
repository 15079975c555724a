/** What differs between one instance and several, after everything that differs from run to run anyway. */
import type { Answer, Replayed } from './replay.ts'
import { nameOf, type Scenario } from './scenario.ts'

/** What one instance answers, and what of it is never the same twice. */
export interface Expected {
  replayed: Replayed
  /** `3 body.items.*.id`: the number of the step, and the place that differed between two runs alone. */
  noise: ReadonlySet<string>
}

export interface Difference {
  /** The number of the step, from 0. */
  step: number
  /** `GET /me`. */
  request: string
  /** `status`, `body.items`, `header.location`, `messages`. */
  at: string
  alone: string
  together: string
  /** The instance that gave the answer. */
  instance: string
}

export function expectedFrom(scenario: Scenario, first: Replayed, second: Replayed): Expected {
  const bare: Expected = { replayed: first, noise: new Set() }
  const noise = differences(scenario, bare, second, { all: true }).map(({ step, at }) => `${step} ${general(at)}`)
  return { replayed: first, noise: new Set(noise) }
}

export function differences(
  scenario: Scenario,
  { replayed, noise }: Expected,
  got: Replayed,
  { all = false } = {},
): Difference[] {
  return scenario.steps.flatMap((step, number) => {
    const request = nameOf(step)
    const together = 'request' in step && step.together === true
    const [alone = [], now = []] = [replayed.answers[number], got.answers[number]]
    const pairs: [Answer | undefined, Answer | undefined][] = together
      ? pairUp(alone, now)
      : alone.map((answer, i) => [answer, now[i]])
    const found = pairs.flatMap(([before, after]) =>
      compareAnswers(before, after)
        .filter(({ at }) => !isNoise(noise, number, at))
        .map((one) => ({ step: number, request, instance: after?.instance ?? '', ...one })),
    )
    const heard = messages(replayed.streams.get(number), got.streams.get(number))
    if (heard && !noise.has(`${number} messages`)) found.push({ step: number, request, instance: '', ...heard })
    // The first of a step says enough: what follows from a wrong status is no news.
    return all ? found : found.slice(0, 1)
  })
}

/** Whether one answer is what it is with one instance. */
export function isAsExpected({ replayed, noise }: Expected, step: number, answer: Answer): boolean {
  const alone = replayed.answers[step]?.[0]
  return compareAnswers(alone, answer).every(({ at }) => isNoise(noise, step, at))
}

interface Point {
  at: string
  alone: string
  together: string
}

function compareAnswers(before: Answer | undefined, after: Answer | undefined): Point[] {
  if (!before || !after) return []
  if (before.status !== after.status) {
    const say = ({ status, body }: Answer): string =>
      status === 0 ? String(body) : `${status} ${excerpt(body)}`.trim()
    return [{ at: 'status', alone: say(before), together: say(after) }]
  }
  const found: Point[] = []
  const names = new Set([...Object.keys(before.headers), ...Object.keys(after.headers)])
  for (const name of names) {
    const [alone, together] = [plain(before.headers[name]), plain(after.headers[name])]
    if (alone !== together) found.push({ at: `header.${name}`, alone, together })
  }
  compareValues('body', before.body, after.body, found)
  return found
}

function compareValues(at: string, before: unknown, after: unknown, found: Point[]): void {
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length !== after.length) {
      found.push({ at, alone: `${before.length} entries`, together: `${after.length} entries` })
      return
    }
    before.forEach((one, i) => compareValues(`${at}.${i}`, one, after[i], found))
    return
  }
  if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compareValues(`${at}.${key}`, before[key], after[key], found)
    }
    return
  }
  const [alone, together] = [plain(before), plain(after)]
  if (alone !== together) found.push({ at, alone: excerpt(before), together: excerpt(after) })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const TWO_DAYS_MS = 2 * 86_400_000
const TIME =
  /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?|(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [\w :,-]+ GMT/g

/** A value without the time of day, which is another one in each run. */
function plain(value: unknown): string {
  if (typeof value === 'number') {
    const ms = value > 1e12 ? value : value * 1000
    if (value > 1e9 && Math.abs(ms - Date.now()) < TWO_DAYS_MS) return '<time>'
    return String(value)
  }
  if (typeof value === 'string') return value.replaceAll(TIME, '<time>')
  return JSON.stringify(value) ?? 'nothing'
}

function excerpt(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 79)}…` : line
}

/** Answers to requests that were sent at the same time have no order: equal ones belong together. */
function pairUp(alone: Answer[], now: Answer[]): [Answer, Answer | undefined][] {
  const byStatus = (a: Answer, b: Answer): number => a.status - b.status || (plain(a.body) < plain(b.body) ? -1 : 1)
  const sorted = now.toSorted(byStatus)
  return alone.toSorted(byStatus).map((answer, i) => [answer, sorted[i]])
}

function messages(alone: string[] | undefined, now: string[] | undefined): Point | undefined {
  if (!alone) return undefined
  const [before, after] = [alone, now ?? []].map((list) => list.map((one) => plain(one)).toSorted())
  if (before!.join('\n') === after!.join('\n')) return undefined
  const say = (list: string[]): string => (list.length === 0 ? 'nothing' : excerpt(list.join(' | ')))
  return { at: 'messages', alone: say(alone), together: say(now ?? []) }
}

function general(at: string): string {
  return at.replaceAll(/\.\d+(?=\.|$)/g, '.*')
}

/** A place is noise, too, when a part above it was: a list that had another length, an object that was not there. */
function isNoise(noise: ReadonlySet<string>, step: number, at: string): boolean {
  const parts = general(at).split('.')
  return parts.some((_, i) => noise.has(`${step} ${parts.slice(0, i + 1).join('.')}`))
}
