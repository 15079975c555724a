import { errorFields } from '../kernel/index.ts'
import type { Attributes, Context, Telemetry } from '../telemetry/index.ts'
import { BadRequest } from './errors.ts'
import { ClientGone, type Exchange } from './exchange.ts'
import { readInput } from './input.ts'
import { assertNotDenied, takeLimit } from './limit.ts'
import type { OriginGuard } from './origin.ts'
import { asTenfoldError } from './problem.ts'
import { acceptPosition, carryPosition, type PositionCarrier } from './position.ts'
import type { SecurityHeaders } from './security.ts'
import { discard, type Outgoing, outgoingOf, outgoingProblem, send } from './send.ts'
import { assertAllowed, identify, type SessionKit } from './session.ts'
import type { Shedding } from './shed/index.ts'
import { PlainRequest } from './plain/index.ts'
import type { Watch } from './watch.ts'

/** What every request needs of the server. */
export interface Kit {
  telemetry: Telemetry
  sessions: SessionKit | undefined
  positions: PositionCarrier | undefined
  origins: OriginGuard
  watch: Watch
  shedding: Shedding | undefined
  /** Headers of every reply; the second set for requests over https. */
  headers: SecurityHeaders
  secureHeaders: SecurityHeaders
  development: boolean
  /** Nothing more is accepted, and every reply ends its connection. */
  isStopping(): boolean
}

/** One request from its first look to its log line. */
export function serve(x: Exchange, kit: Kit): void {
  kit.watch.add(x)
  const coming = kit.shedding?.comesIn(x) ?? true
  if (coming === true) answerInContext(x, kit)
  else if (coming === false) leave(x, kit)
  else void coming.then((may) => (may ? answerInContext(x, kit) : leave(x, kit)))
}

function leave(x: Exchange, kit: Kit): void {
  kit.watch.remove(x)
  finishConnection(x)
}

function answerInContext(x: Exchange, kit: Kit): void {
  const { telemetry } = kit
  const context = telemetry.open({
    kind: 'request',
    name: x.route.name,
    module: x.route.route.module,
    traceparent: x.raw.headers.traceparent as string | undefined,
    attributes: attributesOf(x),
  })
  context.requestId = x.requestId
  void telemetry.within(context, () => respond(x, context, kit))
}

/** Never rejects. One function for the whole way, since each that waits for another costs as much as a check. */
async function respond(x: Exchange, context: Context, kit: Kit): Promise<void> {
  try {
    await respondTo(x, context, kit)
    record(x, context, kit)
    context.root.end()
  } catch (error) {
    x.res.destroy()
    context.root.end(error)
    kit.telemetry.log.error('a request could not be recorded', errorFields(error))
  }
  leave(x, kit)
}

async function respondTo(x: Exchange, context: Context, kit: Kit): Promise<void> {
  const base = x.secure ? kit.secureHeaders : kit.headers
  const { positions } = kit
  if (positions) acceptPosition(x, positions)
  const answered = answer(x, context, kit, base)
  let out: Outgoing | undefined
  try {
    out = await x.until(answered)
    kit.shedding?.answered(x)
    if (positions) await carryPosition(x, positions)
    const sending = send(x, out, kit.isStopping())
    if (sending) await sending
  } catch (error) {
    x.error = error
    if (out) discard(out)
    if (x.aborted) afterAll(x, answered, kit)
    else kit.shedding?.answered(x)
    if (error instanceof ClientGone || x.res.destroyed || x.res.headersSent) return
    if (positions) await carryPosition(x, positions)
    try {
      await send(x, outgoingProblem(x, error, base, kit.development), kit.isStopping())
    } catch {
      // The client has gone meanwhile.
    }
  }
}

async function answer(x: Exchange, context: Context, kit: Kit, base: SecurityHeaders): Promise<Outgoing> {
  if (x.raw.headers.host === undefined && x.raw.httpVersionMinor > 0)
    throw BadRequest({ problem: 'it has no Host header' })
  kit.origins.check(x)
  // Awaited only where there is something to wait for: each wait costs as much as a check.
  const identifying = identify(x, kit.sessions)
  if (identifying) await identifying
  assertAllowed(x)
  if (x.user) context.userId = x.user.id
  assertNotDenied(x)
  for (const limit of x.route.limits) {
    const taking = takeLimit(x, limit)
    if (taking) await taking
  }
  const reading = readInput(x)
  if (reading) await reading
  x.assertWanted()
  return outgoingOf(x, await x.route.route.handle(x), base)
}

function attributesOf(x: Exchange): Attributes {
  const question = x.url.indexOf('?')
  const attributes: Attributes = {
    'http.request.method': x.method,
    'url.path': (question < 0 ? x.url : x.url.slice(0, question)).slice(0, 500),
    'url.scheme': x.secure ? 'https' : 'http',
    'client.address': x.ip,
  }
  const agent = x.raw.headers['user-agent']
  if (x.route.template !== undefined) attributes['http.route'] = x.route.template
  if (agent !== undefined) attributes['user_agent.original'] = agent.slice(0, 200)
  return attributes
}

/** The span, the histogram, the access line; for a failure of ours also the line that says why. */
function record(x: Exchange, context: Context, kit: Kit): void {
  const { log } = kit.telemetry
  const ms = performance.now() - x.startedAt
  // 499 is what nginx logs for a client that closed the connection; it is never sent.
  const gone = x.error instanceof ClientGone || x.status === 0
  const status = gone ? 499 : x.status
  const code = gone ? 'client_gone' : x.error === undefined ? undefined : asTenfoldError(x.error).code
  context.root.set('http.response.status_code', status)
  if (code !== undefined || status >= 500) context.root.set('error.type', code ?? String(status))
  if (x.firstPieceAt > 0) context.root.set('tenfold.http.first_piece_ms', x.firstPieceAt - x.startedAt)
  x.route.durations[Math.floor(status / 100)]!.record(ms / 1000)
  // A stream that fails after its status was sent is a failure too, whatever that status was.
  const failed = x.error !== undefined && !gone && (status >= 500 || status < 400)
  if (failed) {
    context.root.end(x.error)
    log.error(`${x.route.name} failed`, { requestId: x.requestId, ...errorFields(x.error) })
  }
  log.access({
    level: x.route.quiet ? 'debug' : 'info',
    message: `${x.method} ${x.route.template ?? '(unmatched)'} ${status}`,
    requestId: x.requestId,
    method: x.method,
    path: x.url.slice(0, 500),
    status,
    ms: Math.round(ms * 1000) / 1000,
    bytes: x.bytes,
    ip: x.ip,
    userId: x.user?.id,
    code,
  })
}

/** A handler goes on after its time was up: it takes its place until it ends, and nobody reads what it answers. */
function afterAll(x: Exchange, answered: Promise<Outgoing>, kit: Kit): void {
  answered.then(discard, () => {}).finally(() => kit.shedding?.answered(x))
}

/** What a client still sends after its answer is thrown away, for 2 s: closing at once could reset the connection before
 *  the client has read the answer. */
function finishConnection(x: Exchange): void {
  const { raw } = x
  if (raw instanceof PlainRequest || raw.complete || raw.destroyed || typeof raw.socket.destroy !== 'function') return
  raw.unpipe()
  raw.resume()
  const timer = setTimeout(() => raw.complete || raw.socket.destroy(), 2000).unref()
  raw.once('close', () => clearTimeout(timer))
}
