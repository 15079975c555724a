import { messageOf, toMs, type Duration } from '../kernel/index.ts'
import type { CircuitOptions } from './circuit.ts'
import { OutboundSetting } from './errors.ts'
import type { ClientOptions } from './outbound.ts'
import { RETRY_ON } from './repeat.ts'

export interface CheckedSettings {
  name: string
  internal: boolean
  baseUrl: string | undefined
  headers: Readonly<Record<string, string>>
  connectTimeoutMs: number
  timeoutMs: number
  bodyTimeoutMs: number
  deadlineMs: number
  retries: number
  retryBudget: number
  backoff: { baseMs: number; maxMs: number }
  retryOn: ReadonlySet<number>
  hedgeMs: number | undefined
  maxBytes: number
  atOnce: number
  waiting: number
  circuit: CircuitOptions | undefined
  redirects: number
  allowPrivate: boolean | readonly string[]
}

/** Throws TF_OUTBOUND_SETTING for the first that cannot be. */
export function checkSettings(options: ClientOptions): CheckedSettings {
  const { name: client, backoff, circuit = {} } = options
  const refuse = (problem: string): never => {
    throw OutboundSetting({ client, problem })
  }
  const ms = (key: string, value: Duration | undefined, otherwise: number): number => {
    if (value === undefined) return otherwise
    try {
      return toMs(value) || refuse(`${key} is 0, which would end every call`)
    } catch (error) {
      return refuse(`${key}: ${messageOf(error)}`)
    }
  }
  const whole = (key: string, value: number | undefined, otherwise: number, least: number): number =>
    value === undefined || (Number.isInteger(value) && value >= least)
      ? (value ?? otherwise)
      : refuse(`${key} is ${value} and must be a whole number from ${least} on`)
  const budget = options.retryBudget ?? 0.1
  const share = circuit ? (circuit.share ?? 0.5) : 0.5
  if (!(share > 0 && share <= 1)) refuse(`circuit.share is ${share} and must lie between 0 and 1`)
  return {
    name: client,
    internal: options.internal === true,
    baseUrl: options.baseUrl === undefined ? undefined : checkedBase(options.baseUrl, refuse),
    headers: options.headers ?? {},
    connectTimeoutMs: ms('connectTimeout', options.connectTimeout, 3000),
    timeoutMs: ms('timeout', options.timeout, 10_000),
    bodyTimeoutMs: ms('bodyTimeout', options.bodyTimeout, 10_000),
    deadlineMs: ms('deadline', options.deadline, 30_000),
    retries: whole('retries', options.retries, 2, 0),
    retryBudget: budget >= 0 ? budget : refuse(`retryBudget is ${budget} and must be 0 or more`),
    backoff: { baseMs: ms('backoff.base', backoff?.base, 100), maxMs: ms('backoff.max', backoff?.max, 2000) },
    retryOn: new Set(options.retryOn ?? RETRY_ON),
    hedgeMs: options.hedge === undefined ? undefined : ms('hedge', options.hedge, 0),
    maxBytes: whole('maxBytes', options.maxBytes, 10 * 1024 * 1024, 1),
    atOnce: whole('atOnce', options.atOnce, 50, 1),
    waiting: whole('waiting', options.waiting, 100, 0),
    circuit:
      circuit === false
        ? undefined
        : {
            share,
            least: whole('circuit.least', circuit.least, 10, 1),
            pauseMs: ms('circuit.pause', circuit.pause, 5000),
          },
    redirects: whole('redirects', options.redirects, 0, 0),
    allowPrivate: options.allowPrivate ?? false,
  }
}

function checkedBase(given: string, refuse: (problem: string) => never): string {
  if (!URL.canParse(given)) return refuse('baseUrl is not a URL')
  const { protocol, username, password, search, hash } = new URL(given)
  if (protocol !== 'http:' && protocol !== 'https:') return refuse(`baseUrl begins with '${protocol}'`)
  if (username || password) return refuse('baseUrl has a user or password in it; send them with `headers`')
  if (search || hash) return refuse('baseUrl ends with a query or fragment')
  return given
}
