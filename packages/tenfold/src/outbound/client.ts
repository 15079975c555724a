import type { Clock } from '../kernel/index.ts'
import { toMs } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { addressOf, wholeUrl, type Address } from './address.ts'
import { createGuard, type Resolve } from './addresses.ts'
import { startDeadline, type Deadline } from './deadline.ts'
import { openEngine, type Engine } from './engine.ts'
import { OutboundBusy, OutboundOpen, OutboundRedirects, type Called } from './errors.ts'
import { failureOf, type Outcome, type Timeouts } from './exchange.ts'
import { Hosts, type Host } from './hosts.ts'
import type { Tallies } from './metrics.ts'
import type { CallOptions, Client, ClientReply } from './outbound.ts'
import { mayRepeat, pauseMs, retryAfterMs } from './repeat.ts'
import { Reply } from './reply.ts'
import type { CheckedSettings } from './settings.ts'
import { wantedOf } from './wanted.ts'

export interface ClientParts {
  telemetry: Telemetry
  clock: Clock
  tallies: Tallies
  /** Defaults to that of Node. */
  resolve?: Resolve
}

/** A call with all that can be known before it is sent. */
interface Plan extends Address {
  method: string
  /** For one time that it is sent. */
  headersOf(): Record<string, string>
  body: string | Uint8Array | undefined
  repeatable: boolean
  hedgeMs: number | undefined
  timeouts: Timeouts
  called: Called
  stack: string | undefined
}

export interface OpenClient extends Client {
  readonly hosts: Hosts
  close(): Promise<void>
}

export function createClient(settings: CheckedSettings, parts: ClientParts): OpenClient {
  const { name, baseUrl } = settings
  const { telemetry, clock, tallies, resolve } = parts
  const hosts = new Hosts(settings, clock, (host, to) => {
    tallies.circuit(name, host, to)
    if (to === 'open') telemetry.log.warn('Calls to a host fail; it is left alone for a while.', { client: name, host })
    if (to === 'closed') telemetry.log.info('Calls to a host go well again.', { client: name, host })
  })
  const connections = settings.hedgeMs === undefined ? settings.atOnce : settings.atOnce * 2
  const engines = new Map<boolean, Promise<Engine>>()
  /** Of what an operator has configured, and of what users or redirects name. */
  const engine = (trusted: boolean): Promise<Engine> => {
    const open = engines.get(trusted)
    if (open) return open
    const guard = trusted ? undefined : createGuard(settings.allowPrivate, resolve)
    const opening = openEngine({ connectTimeoutMs: settings.connectTimeoutMs, connections, guard })
    engines.set(trusted, opening)
    return opening
  }

  const request = async (
    method: string,
    path: string,
    options: CallOptions,
    stack: string | undefined,
  ): Promise<Reply> => {
    const plan = planOf(settings, method, path, options, stack)
    const wanted = wantedOf(telemetry.current())
    const ownMs = options.deadline === undefined ? settings.deadlineMs : toMs(options.deadline)
    const deadline = startDeadline(ownMs, wanted, options.signal)
    try {
      return await attempts(plan, deadline)
    } finally {
      deadline.end()
    }
  }

  const attempts = async (plan: Plan, deadline: Deadline): Promise<Reply> => {
    const host = hosts.at(plan.url)
    host.budget.earn()
    for (let attempt = 1; ; attempt++) {
      const outcome = await hedged(plan, host, deadline, attempt)
      const pause = attempt <= settings.retries ? again(plan, host, outcome, attempt, deadline) : undefined
      if (pause === undefined) {
        if (outcome.kind === 'failed') throw outcome.error(attempt)
        return new Reply(outcome.reply, plan.called, attempt)
      }
      tallies.repeated(name, host.name, 'retry')
      await clock.sleep(pause, deadline.signal)
    }
  }

  /** Milliseconds until it is tried again; undefined: it is not. */
  const again = (
    { repeatable }: Plan,
    { budget }: Host,
    outcome: Outcome,
    attempt: number,
    deadline: Deadline,
  ): number | undefined => {
    const { baseMs, maxMs } = settings.backoff
    const asked = outcome.kind === 'reply' ? retryAfterMs(outcome.reply.headers['retry-after'], clock.now()) : 0
    const wants =
      outcome.kind === 'reply'
        ? repeatable && settings.retryOn.has(outcome.reply.status)
        : outcome.reached === 'never' || (outcome.reached === 'perhaps' && repeatable)
    const pause = Math.max(asked, pauseMs(attempt, baseMs, maxMs))
    if (!wants || pause >= deadline.msLeft()) return undefined
    return budget.spend() ? pause : undefined
  }

  const hedged = async (plan: Plan, host: Host, deadline: Deadline, attempt: number): Promise<Outcome> => {
    if (plan.hedgeMs === undefined || !plan.repeatable) return guarded(plan, host, deadline, attempt)
    const [first, second, patience] = [branch(deadline), branch(deadline), branch(deadline)]
    try {
      const one = guarded(plan, host, first, attempt)
      const soon = await Promise.race([one, clock.sleep(plan.hedgeMs, patience.signal).then(() => undefined)])
      if (soon ?? !host.budget.spend()) return await one
      tallies.repeated(name, host.name, 'hedge')
      return await firstGood(one, guarded(plan, host, second, attempt))
    } finally {
      for (const branched of [first, second, patience]) branched.drop()
    }
  }

  /** Asks the circuit, takes a place, and tells the circuit how it went. */
  const guarded = async (plan: Plan, host: Host, deadline: Deadline, attempt: number): Promise<Outcome> => {
    const started = clock.elapsed()
    const lost = (thrown: unknown): Outcome =>
      failureOf(thrown, plan.called, plan.timeouts, deadline, clock.elapsed() - started)
    if (deadline.signal.aborted) return lost(undefined)
    const entering = host.places.enter(deadline.signal)
    if (!entering) {
      tallies.refused(name, host.name, 'busy')
      return refused(OutboundBusy({ ...plan.called, running: host.places.running, waiting: host.places.waiting }))
    }
    let leave: () => void
    try {
      leave = await entering
    } catch (error) {
      return lost(error)
    }
    try {
      const retryInMs = host.circuit?.enter() ?? 0
      if (retryInMs > 0) {
        tallies.refused(name, host.name, 'open')
        return refused(OutboundOpen({ ...plan.called, retryInMs }))
      }
      const outcome = await send(plan, deadline, attempt).then((reply): Outcome => ({ kind: 'reply', reply }), lost)
      host.circuit?.tell(verdictOf(outcome))
      return outcome
    } finally {
      leave()
    }
  }

  const send = async (plan: Plan, deadline: Deadline, attempt: number) => {
    const { method, timeouts, template, stack } = plan
    let { url } = plan
    let headers = plan.headersOf()
    for (let hop = 0; ; hop++) {
      const own = baseUrl !== undefined && url.origin === plan.url.origin
      const wire = await engine(own)
      const reply = await wire.send({
        url,
        method,
        headers,
        body: plan.body,
        headersTimeoutMs: timeouts.timeoutMs,
        bodyTimeoutMs: timeouts.bodyTimeoutMs,
        maxBytes: timeouts.maxBytes,
        cut: timeouts.cut,
        signal: deadline.signal,
        mark: { client: name, template: own ? template : undefined, stack, attempt, internal: settings.internal },
      })
      const to = settings.redirects > 0 && isRedirect(method, reply.status) && reply.headers['location']
      if (!to) return reply
      if (hop >= settings.redirects) throw OutboundRedirects({ ...plan.called, most: settings.redirects })
      const next = wholeUrl(name, URL.canParse(to, url.href) ? new URL(to, url).href : to)
      if (next.origin !== url.origin) headers = { accept: headers['accept'] ?? '*/*' }
      url = next
    }
  }

  const verb =
    (method: string): Client['get'] =>
    async (path, options = {}) => {
      const reply = await request(method, path, options, placeOfCall())
      return (options.reply ? reply.raiseForStatus().json(options.reply) : reply) as never
    }

  return {
    name,
    hosts,
    request: (method, path, options = {}): Promise<ClientReply> =>
      request(method.toUpperCase(), path, options, placeOfCall()),
    get: verb('GET'),
    post: verb('POST'),
    put: verb('PUT'),
    patch: verb('PATCH'),
    delete: verb('DELETE'),
    async close() {
      await Promise.all([...engines.values()].map(async (opening) => (await opening).close()))
    },
  }
}

function planOf(
  settings: CheckedSettings,
  method: string,
  path: string,
  options: CallOptions,
  stack: string | undefined,
): Plan {
  const { name, baseUrl, hedgeMs } = settings
  const address = addressOf(name, baseUrl, path, options)
  const { body, type } = bodyOf(options.body)
  const headers = {
    accept: 'application/json, */*;q=0.5',
    ...(type && { 'content-type': type }),
    ...(options.idempotencyKey !== undefined && { 'idempotency-key': options.idempotencyKey }),
    ...lowerCase(settings.headers),
  }
  const given = options.headers ?? {}
  const { timeout, hedge, maxBytes = settings.maxBytes, cut = false } = options
  return {
    ...address,
    method,
    headersOf: () => ({ ...headers, ...lowerCase(typeof given === 'function' ? given() : given) }),
    body,
    repeatable: mayRepeat(method, options),
    hedgeMs: hedge === undefined ? hedgeMs : toMs(hedge),
    timeouts: {
      connectTimeoutMs: settings.connectTimeoutMs,
      timeoutMs: timeout === undefined ? settings.timeoutMs : toMs(timeout),
      bodyTimeoutMs: settings.bodyTimeoutMs,
      maxBytes,
      cut,
    },
    called: { client: name, call: `${method} ${address.url.host}${address.template ?? ''}` },
    stack,
  }
}

function bodyOf(given: unknown): { body: string | Uint8Array | undefined; type?: string } {
  if (given === undefined || given instanceof Uint8Array) return { body: given }
  if (typeof given === 'string') return { body: given, type: 'text/plain; charset=utf-8' }
  if (given instanceof URLSearchParams) return { body: String(given), type: 'application/x-www-form-urlencoded' }
  return { body: JSON.stringify(given), type: 'application/json' }
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function isRedirect(method: string, status: number): boolean {
  return (method === 'GET' || method === 'HEAD') && [301, 302, 303, 307, 308].includes(status)
}

function verdictOf(outcome: Outcome): 'good' | 'bad' | 'neutral' {
  if (outcome.kind === 'failed') return outcome.verdict
  const { status } = outcome.reply
  // 501 and 505 are about the request; 429 says that the host is well and we ask too much.
  if (status === 429) return 'neutral'
  return status >= 500 && status !== 501 && status !== 505 ? 'bad' : 'good'
}

function refused(error: Error): Outcome {
  return { kind: 'failed', error: () => error, reached: 'final', verdict: 'neutral' }
}

/** The first that is an answer below 500, or the last that came. */
async function firstGood(one: Promise<Outcome>, other: Promise<Outcome>): Promise<Outcome> {
  const good = (outcome: Outcome): boolean => verdictOf(outcome) === 'good'
  const sooner = await Promise.race([one, other])
  if (good(sooner)) return sooner
  const both = await Promise.all([one, other])
  return both.find(good) ?? sooner
}

/** The same deadline, which can be dropped for one of two exchanges alone. */
function branch(deadline: Deadline): Deadline & { drop(): void } {
  const ending = new AbortController()
  const follow = (): void => ending.abort(deadline.signal.reason)
  deadline.signal.addEventListener('abort', follow, { once: true })
  if (deadline.signal.aborted) follow()
  return {
    signal: ending.signal,
    ms: deadline.ms,
    whose: deadline.whose,
    get passed() {
      return deadline.passed
    },
    msLeft: () => deadline.msLeft(),
    end() {},
    drop() {
      deadline.signal.removeEventListener('abort', follow)
      ending.abort(new Error('The other of two equal calls was answered.'))
    },
  }
}

/** Its line in the app is found only if the call turns out to be slow. */
function placeOfCall(): string | undefined {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, placeOfCall)
  return holder.stack
}
