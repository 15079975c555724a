/** The side that calls: a module that runs on another host looks like one that runs here. */
import { messageOf, TenfoldError, type Clock } from '../../kernel/index.ts'
import type { Positions } from '../../database/index.ts'
import { wantedOf, type Client, type ClientReply, type Outbound } from '../../outbound/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { RemoteAway, RemoteClock, RemoteUntrusted } from './errors.ts'
import { ANSWER_HEADER, CALL_HEADER, type Signatures } from './signature.ts'
import type { AnswerBody, CallBody, ClockBody, Outcome } from './wire.ts'

export interface RemoteModule {
  /** One outcome for each input, in their order. Rejects when the call as a whole has failed. */
  ask(call: RemoteCall): Promise<Outcome[]>
}

export interface RemoteCall {
  /** `billing.charge` */
  name: string
  caller: string
  /** Whether it may be sent twice. */
  idempotent: boolean
  inputs: readonly unknown[]
  signal: AbortSignal
}

export interface RemoteParts {
  outbound: Outbound
  telemetry: Telemetry
  clock: Clock
  signatures: Signatures
  positions: Positions | undefined
}

/** What has no deadline of its own may take so long. */
export const LONGEST_CALL_MS = 300_000

export const CALLS_PATH = '/_tenfold/calls'

export function createRemote(module: string, url: string, parts: RemoteParts): RemoteModule {
  const { outbound, positions, clock } = parts
  const client = outbound.client({
    name: `module ${module}`,
    internal: true,
    baseUrl: url,
    connectTimeout: '2s',
    timeout: LONGEST_CALL_MS,
    bodyTimeout: '10s',
    deadline: LONGEST_CALL_MS,
    // Answers of the module itself are always 200; these are of what stands between.
    retryOn: [502, 503, 504],
    backoff: { base: 20, max: '1s' },
    circuit: { least: 20, pause: '1s' },
    atOnce: 500,
    waiting: 2000,
    maxBytes: 64 * 1024 * 1024,
  })
  /** How much later it is there, in ms; learnt when it refuses our time. */
  const skew = { ms: 0 }

  return {
    async ask(call) {
      const position = positions && ((await positions.needed()) ?? null)
      const body = JSON.stringify({
        caller: call.caller,
        // Undefined, which JSON lacks, is the absent field.
        inputs: call.inputs.map((input) => ({ input })),
        ...(position !== undefined && { position }),
      } satisfies CallBody)
      for (let attempt = 1; ; attempt++) {
        const answer = await send(call, body, client, url, parts, skew.ms)
        if (!('clockMs' in answer)) {
          positions?.acceptWritten(answer.position)
          return answer.outcomes
        }
        const differsMs = answer.clockMs - clock.now()
        if (attempt > 1) throw RemoteClock({ call: call.name, seconds: Math.round(differsMs / 1000) })
        skew.ms = differsMs
        const seconds = Math.round(differsMs / 1000)
        parts.telemetry.log.warn('The clock of another host differs; calls to it go by its own.', { at: url, seconds })
      }
    },
  }
}

async function send(
  { name, idempotent, signal }: RemoteCall,
  body: string,
  client: Client,
  at: string,
  { telemetry, clock, signatures }: RemoteParts,
  skewMs: number,
): Promise<AnswerBody | ClockBody> {
  const wanted = wantedOf(telemetry.current())
  const nonces: string[] = []
  const reply = await client
    .request('POST', `${CALLS_PATH}/${name}`, {
      body,
      idempotent,
      signal,
      // Each attempt is signed anew: what comes twice is refused.
      headers: () => {
        const { header, nonce } = signatures.sign(name, body, clock.now() + skewMs)
        nonces.push(nonce)
        const left = Math.min(wanted?.msLeft() ?? Infinity, LONGEST_CALL_MS)
        return {
          [CALL_HEADER]: header,
          'content-type': 'application/json',
          'x-tenfold-deadline': String(Math.max(1, Math.floor(left))),
        }
      },
    })
    .catch((error: unknown) => {
      // Whoever called went away, or has no more time: that is not the fault of the other side.
      if (signal.aborted || !isOutbound(error)) throw error
      throw RemoteAway({ call: name, at, reason: messageOf(error) }, { cause: error })
    })
  const trusted = nonces.some((nonce) => signatures.isAnswer(nonce, reply.bytes, reply.headers[ANSWER_HEADER]))
  if (!trusted) throw untrusted(name, at, reply)
  return JSON.parse(reply.text()) as AnswerBody | ClockBody
}

function isOutbound(error: unknown): boolean {
  return error instanceof TenfoldError && error.code.startsWith('TF_OUTBOUND_')
}

function untrusted(call: string, at: string, reply: ClientReply): Error {
  const { status } = reply
  if (status === 502 || status === 503 || status === 504) {
    return RemoteAway({ call, at, reason: `the server in front of it, or itself, answered ${status}` })
  }
  const code = /"code":"(TF_[A-Z_]+)"/.exec(reply.text().slice(0, 2000))?.[1]
  if (code === 'TF_CALL_UNSIGNED') return RemoteUntrusted({ call, at, problem: 'it refuses our signature' })
  if (code === 'TF_ROUTE_UNKNOWN')
    return RemoteUntrusted({ call, at, problem: 'it does not take calls; it was not started with --modules' })
  return RemoteUntrusted({
    call,
    at,
    problem: `its answer (status ${status}) is not signed with our SECRET_KEY`,
  })
}
