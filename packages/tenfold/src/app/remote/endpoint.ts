/** The side that is called: one hidden route for each method, reached only with a signature of the app. */
import type { Readable } from 'node:stream'
import { TenfoldError, type Clock } from '../../kernel/index.ts'
import type { Positions } from '../../database/index.ts'
import { text, type HttpRequest, type HttpRoute } from '../../http/index.ts'
import type { Module, Scope } from '../../modules/index.ts'
import { runInScope } from '../../modules/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { implementationOf, runBatch, runOne, type Callee, type Calling } from '../calls.ts'
import { CALLS_PATH, LONGEST_CALL_MS } from './caller.ts'
import { CallMalformed, RemoteElsewhere, RemoteRelease } from './errors.ts'
import { ANSWER_HEADER, CALL_HEADER, hashOf, Replays, WINDOW_MS, type Signatures } from './signature.ts'
import { errorToWire, type AnswerBody, type CallBody, type ClockBody, type Outcome } from './wire.ts'

const MOST_BYTES = 64 * 1024 * 1024

export interface EndpointParts {
  serving: readonly Module[]
  release: string
  signatures: Signatures
  clock: Clock
  telemetry: Telemetry
  positions: Positions | undefined
  scope: Scope
  /** What the code of a call is given, and who watches it. */
  callingFor(signal: AbortSignal): Calling
}

export function callRoutes(parts: EndpointParts): HttpRoute[] {
  const replays = new Replays()
  const take = (call: string, run: (body: CallBody, request: HttpRequest) => Promise<Outcome[]>): HttpRoute => ({
    method: 'POST',
    path: `${CALLS_PATH}/${call}`,
    module: call.split('.')[0]!,
    name: `call ${call}`,
    hidden: true,
    auth: 'public',
    // Unread, until the signature has said who sends it.
    body: 'stream',
    bodyLimit: MOST_BYTES,
    timeout: LONGEST_CALL_MS,
    // What calls has been let in already.
    priority: 'critical',
    handle: (request) => answer(call, request, replays, parts, run),
  })
  const methods = parts.serving.flatMap((module) => methodsOf(module))
  return [
    ...methods.map((callee) => take(callee.name, (body, request) => outcomesOf(callee, body, request, parts))),
    take(':call', unknownCall(parts)),
  ].map((route) => (route.path.endsWith('/:call') ? { ...route, name: 'call (unknown)', module: 'tenfold' } : route))
}

function methodsOf(module: Module): Callee[] {
  const { contract } = implementationOf(module) ?? {}
  return Object.entries(contract?.methods ?? {}).map(([method, definition]) => ({
    callee: module.name,
    name: `${module.name}.${method}`,
    method: definition,
    run: (context) => (implementationOf(module)!.methods[method] as Callee['run'])(context),
  }))
}

async function answer(
  given: string,
  request: HttpRequest,
  replays: Replays,
  { signatures, clock, positions }: EndpointParts,
  run: (body: CallBody, request: HttpRequest) => Promise<Outcome[]>,
) {
  const call = given === ':call' ? (request.params as { call: string }).call : given
  const signed = signatures.verify(call, header(request, CALL_HEADER))
  const { nonce, timeMs, bodyHash } = signed
  const reply = (value: AnswerBody | ClockBody) => {
    const body = JSON.stringify(value)
    return text(body, { type: 'application/json', headers: { [ANSWER_HEADER]: signatures.signAnswer(signed, body) } })
  }
  if (Math.abs(timeMs - clock.now()) > WINDOW_MS) return reply({ clockMs: clock.now() })
  replays.refuse(nonce, clock.now())
  const body = parse(await read(request.body as Readable, bodyHash))
  // A caller without replicas knows no position: it may have written anything before now.
  if (body.position === undefined) positions?.acceptNow()
  else positions?.accept(body.position ?? undefined)
  const outcomes = await run(body, request)
  const position = positions ? ((await positions.written()) ?? null) : undefined
  return reply({ outcomes, ...(position !== undefined && { position }) })
}

async function outcomesOf(
  callee: Callee,
  body: CallBody,
  request: HttpRequest,
  { scope, callingFor, telemetry }: EndpointParts,
): Promise<Outcome[]> {
  return runInScope(scope, async () => {
    scope.inherit(request)
    const calling = callingFor(request.signal)
    const inputs = body.inputs.map(({ input }) => input)
    const outputs = callee.method.batch
      ? runBatch(callee, calling, inputs)
      : inputs.map((input) => runOne(callee, calling, input))
    return Promise.all(
      outputs.map((output) =>
        output.then(
          (value): Outcome => (value === undefined ? {} : { output: value }),
          (error: unknown): Outcome => {
            tell(error, callee.name, telemetry)
            return { error: errorToWire(error) }
          },
        ),
      ),
    )
  })
}

/** The stack stays here, so the log of this process has to have it. */
function tell(error: unknown, call: string, telemetry: Telemetry): void {
  const ours = error instanceof TenfoldError
  telemetry.current()?.root.set('error.type', ours ? error.code : 'TF_INTERNAL')
  if (ours && error.status < 500) return
  telemetry.log.error(`call ${call} failed`, { err: error })
}

function unknownCall({ serving, release }: EndpointParts) {
  return async (body: CallBody, request: HttpRequest): Promise<Outcome[]> => {
    const { call } = request.params as { call: string }
    const served = serving.map(({ name }) => name)
    const here = served.includes(call.split('.')[0]!)
    const error = here ? RemoteRelease({ call, release }) : RemoteElsewhere({ call, serves: served })
    return body.inputs.map(() => ({ error: errorToWire(error) }))
  }
}

function header({ headers }: HttpRequest, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

async function read(stream: Readable, bodyHash: string): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  const body = Buffer.concat(pieces)
  if (hashOf(body) !== bodyHash) throw CallMalformed({ problem: 'its body is not the one that was signed' })
  return body.toString('utf8')
}

function parse(text: string): CallBody {
  const body = JSON.parse(text) as Partial<CallBody>
  const isInput = (one: unknown): boolean => typeof one === 'object' && one !== null
  if (!Array.isArray(body.inputs) || !body.inputs.every(isInput)) throw CallMalformed({ problem: 'it has no inputs' })
  return body as CallBody
}
