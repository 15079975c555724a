/** What is asked of the app, once with one instance and once with several. */
import { ScenarioInvalid } from './errors.ts'

/** One request, or several of the same. */
export interface RequestStep {
  /** `POST /orders/{{id}}`: method, path and query; `{{…}}` are variables that earlier steps have saved,
   *  or `{{unique}}` and `{{number}}`: a text and a number that are new in each run. */
  request: string
  /** Who asks: each user has cookies of its own. Defaults to `visitor`. */
  user?: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  /** Sent as a form. */
  form?: Record<string, string>
  /** Sent as multipart/form-data: a file in the field `field`. */
  upload?: { field: string; name: string; content: string }
  /** Sent as it is. */
  text?: string
  /** Variables for later steps: from the body (`user.id`), a header (`header:location`), or what a regular expression has
   *  in parentheses (`text:csrf="(.+?)"`). */
  save?: Record<string, string>
  /** How often. Defaults to 1. */
  times?: number
  /** All of them at the same time. Their answers are then compared without order. Defaults to false. */
  together?: boolean
  /** Asks again until these values are in the body, for at most `withinMs`. */
  until?: Record<string, unknown>
  /** In milliseconds. Defaults to 3000. */
  withinMs?: number
  /** How long this may answer with what was true before, in milliseconds. Defaults to 0: every later answer has to be right. */
  staleMs?: number
}

/** Opens a stream of events (`GET /events`) or a WebSocket (`WS /chat`); what it receives is compared at the end. */
export interface ListenStep {
  listen: string
  as: string
  user?: string
}

/** Sends a message over a WebSocket. */
export interface SendStep {
  send: string
  message: unknown
}

export type Step = RequestStep | ListenStep | SendStep

export interface Scenario {
  steps: Step[]
  /** Roles of instances, each with its variables: `{ web: { ROLE: 'web' }, worker: { ROLE: 'worker' } }`.
   *  Requests go to the first; it must leave to the others what is not a request. */
  roles?: Record<string, Record<string, string>>
  /** Variables of the environment for all instances. */
  env?: Record<string, string>
  /** A command that runs once, before everything: to apply migrations, to make an account. */
  prepare?: string
  /** A command that empties what all instances share; runs before each run. */
  reset?: string
  /** A path that answers below 400 once an instance is ready. Defaults to: it accepts connections. */
  ready?: string
}

const METHOD = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \/\S*$/
const STREAM = /^(GET|WS) \/\S*$/

/** Checks what came from a file; `source` names it in errors. */
export function readScenario(given: unknown, source: string): Scenario {
  const problems: string[] = []
  const scenario = (Array.isArray(given) ? { steps: given } : given) as Partial<Scenario> | null
  const steps: unknown[] = Array.isArray(scenario?.steps) ? scenario.steps : []
  if (steps.length === 0) problems.push('it has no steps')
  steps.forEach((step, i) => {
    const problem = problemWith(step as Partial<RequestStep & ListenStep & SendStep> | null, steps.slice(0, i))
    if (problem) problems.push(`step ${i + 1}: ${problem}`)
  })
  if (problems.length > 0) throw ScenarioInvalid({ source, problems })
  return scenario as Scenario
}

function problemWith(
  step: Partial<RequestStep & ListenStep & SendStep> | null,
  earlier: unknown[],
): string | undefined {
  if (typeof step !== 'object' || step === null) return 'is no object'
  if (typeof step.request === 'string') {
    return METHOD.test(step.request) ? undefined : `'${step.request}' is not of the form 'POST /path'`
  }
  if (typeof step.listen === 'string') {
    if (!STREAM.test(step.listen)) return `'${step.listen}' is not of the form 'GET /events' or 'WS /chat'`
    return typeof step.as === 'string' ? undefined : "lacks 'as', the name of the stream"
  }
  if (typeof step.send === 'string') {
    const open = earlier.some((one) => (one as Partial<ListenStep>).as === step.send)
    return open ? undefined : `nothing was opened as '${step.send}' before`
  }
  return "needs one of 'request', 'listen' and 'send'"
}

export function nameOf(step: Step): string {
  if ('request' in step) return step.request
  return 'listen' in step ? step.listen : `send to ${step.send}`
}

/** Requests that change nothing by definition (RFC 9110, 9.2.1). */
export function isSafe(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS'].includes(method)
}
