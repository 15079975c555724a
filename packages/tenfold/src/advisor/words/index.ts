/** The only place with sentences: the terminal, the console, alerts and assistants all show these. */
import type { Shift } from '../../evidence/index.ts'
import type { Expectation, Finding, FindingCode, Next, Outcome, Verdict } from '../verdict.ts'
import { CODE } from './code.ts'
import { bytes, count, minute, ms, percent, short, spanBetween } from './numbers.ts'
import { SCALE } from './scale.ts'
import { SETTINGS } from './settings.ts'

export interface Step {
  title: string
  kind: 'sql' | 'configuration' | 'code' | 'command'
  /** What to write or to run. */
  text: string
  cost: string
  risk: string
  wayBack: string
  /** What to do to see whether it helped, beside waiting for the next verdict. */
  check: string
}

export interface Words {
  title: string
  /** One sentence: what it is, where, and how much. */
  claim: string
  step: Step
}

export type FindingWords = Words & { expected: string }

/** Reads facts by name. */
export interface Facts {
  n(name: string): number
  s(name: string): string
  has(name: string): boolean
}

export type WordsOf = (facts: Facts, finding: Finding) => Words

const ALL: Readonly<Record<FindingCode, WordsOf>> = { ...CODE, ...SETTINGS, ...SCALE }

export function describeFinding(finding: Finding): FindingWords {
  const { facts } = finding
  const words = ALL[finding.code](
    {
      n: (name) => Number(facts[name] ?? 0),
      s: (name) => String(facts[name] ?? ''),
      has: (name) => facts[name] !== undefined && facts[name] !== '',
    },
    finding,
  )
  return { ...words, expected: expectation(finding) }
}

function expectation({ expected: { what, of, before, low, high } }: Finding): string {
  const value = valueOf(what)
  return `${what}${of === undefined ? '' : ` of ${of}`}: ${value(before)} -> ${value(low)} to ${value(high)}`
}

function valueOf(what: Expectation['what']): (n: number) => string {
  if (what === 'connections') return count
  if (what === 'heap growth') return (n) => `${bytes(n)}/s`
  return what === 'failed runs' ? percent : ms
}

/** The verdict in one sentence. */
export function headline(verdict: Verdict): string {
  const { state, felt, bottleneck, headroom } = verdict
  const load = `${count(felt.perSecond)} requests/s, p95 ${ms(felt.p95)} of ${ms(felt.promised)} promised`
  if (state === 'unknown') return 'Not enough evidence yet.'
  if (state === 'healthy') return `Healthy: ${load}. ${room(headroom)}`
  const what = state === 'harmed' ? 'Users are harmed' : 'Close to a limit'
  if (!bottleneck && state === 'near a limit') return `Close to a limit: ${load}. ${room(headroom)}`
  const cause = bottleneck ? ` ${describeFinding(bottleneck).title}.` : ' No cause was found.'
  return `${what}: ${load}.${cause}`
}

function room({ limits, until, growth }: Verdict['headroom']): string {
  const first = limits[0]
  if (!first || until === undefined) return 'Nothing is used enough to say what comes first.'
  const when = growth.known ? `, in ${spanBetween(growth.low, growth.high)} at the present growth` : ''
  return `First limit: ${first.resource}, at ${first.times.toFixed(1)} times this load (${count(until)} requests/s)${when}.`
}

/** How long nothing has to be done, and why that is not known where it is not. */
function leisure({ limits, growth }: Verdict['headroom']): string {
  const first = limits[0]
  if (growth.known)
    return `you have ${spanBetween(growth.low, growth.high)} until the first limit${first ? ` (${first.resource})` : ''}.`
  if (!first) return 'nothing is used enough to come near a limit.'
  const there = `there is room for ${first.times.toFixed(1)} times this load`
  if (growth.reason === 'too few days')
    return `${there}. Until when is said after 21 days of past (${count(growth.days)} are there).`
  if (growth.reason === 'too irregular') return `${there}. Its growth is too irregular to say until when.`
  return `${there}, and at the present growth no limit comes within two years.`
}

const WAITS: Record<Extract<Next, { kind: 'wait' }>['reason'], string> = {
  requests: 'Too few requests to judge by',
  time: 'The window is too short',
  gaps: 'Some of the time nothing was reported',
  reset: 'The statistics of the server were reset',
  restart: 'The app has just been started',
  database: 'The database was not seen',
}

export function describeNext(next: Next, headroom?: Verdict['headroom']): string {
  if (next.kind === 'wait') {
    const { reason, until, have, need } = next
    const much =
      have === undefined || need === undefined
        ? ''
        : `, ${count(Math.floor(have))} of ${count(need)}${reason === 'time' ? ' seconds' : ''}`
    return `${WAITS[reason]}${much}: ask again after ${minute(until)}.`
  }
  if (next.kind === 'step') return describeFinding(next.finding).step.title
  if (next.why === 'a spike has passed') {
    const { seconds, times } = next
    const much = `${count(Math.max(1, Math.round(seconds)))} seconds with ${times.toFixed(1)} times the usual requests were slow`
    return `Do nothing: ${much}, and that has passed${headroom ? `; ${leisure(headroom)}` : '.'}`
  }
  if (next.why === 'healthy') return `Do nothing${headroom ? `: ${leisure(headroom)}` : '.'}`
  if (next.why === 'held back')
    return 'Do nothing in the app: a limit of the processors holds it back. Raise that limit.'
  if (next.why === 'not the app') return 'Do nothing in the app: the machine is taken by others.'
  const [first] = headroom?.limits ?? []
  const limit = first ? ` The ${first.resource} is used most (${percent(first.used)} of it).` : ''
  return `No cause was found that explains it; look at the slowest traces.${limit}`
}

export function describeOutcome({ predicted, measured, cameTrue, subject }: Outcome): string {
  const { what, before, low, high } = predicted
  const value = valueOf(what)
  const said = `predicted ${what} ${value(before)} -> ${value(low)} to ${value(high)}, measured ${value(measured)}`
  return `${subject.name}: ${said}: ${cameTrue ? 'it came true' : 'it did not come true'}`
}

/** `GET /orders has been slower since 2026-03-01 12:00 UTC: 20 ms -> 41 ms, with release 1.4.0`. */
export function describeRegression({ name, at, before, after, with: causes }: Shift): string {
  const came = causes.map((cause) => `${cause.what} ${cause.name}`).join(' and ')
  return `${short(name)} has been slower since ${minute(at)}: ${ms(before)} -> ${ms(after)} on average${came === '' ? '' : `, with ${came}`}`
}
