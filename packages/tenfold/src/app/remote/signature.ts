/** Calls between hosts are signed, and so are their answers: both know that the other has the app's SECRET_KEY.
 *
 *    x-tenfold-call:    t=<ms>,n=<nonce>,b=<hash of the body>,s=HMAC(name of the call, t, n, b)
 *    x-tenfold-answer:  HMAC(n, hash of the answer)
 *
 *  The header alone proves who calls, so that nothing is read of a body that a stranger sends. */
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { CallReplayed, CallUnsigned } from './errors.ts'

export const CALL_HEADER = 'x-tenfold-call'
export const ANSWER_HEADER = 'x-tenfold-answer'

/** How far two clocks may differ, and so how long a call can be repeated by who has seen it. */
export const WINDOW_MS = 30_000

export interface SignedCall {
  nonce: string
  timeMs: number
  bodyHash: string
  /** Which key signed it: the caller knows that one. */
  by: number
}

export interface Signatures {
  sign(call: string, body: string, nowMs: number): { header: string; nonce: string }
  /** Throws TF_CALL_UNSIGNED. Says nothing about the time. */
  verify(call: string, header: string | undefined): SignedCall
  signAnswer(call: Pick<SignedCall, 'nonce' | 'by'>, body: string): string
  isAnswer(nonce: string, body: Buffer, given: string | undefined): boolean
}

/** @param secretKeys the first signs calls; all of them are accepted, and an answer has the key of its call */
export function createSignatures(secretKeys: readonly string[], app: string): Signatures {
  // A key of its own: what signs cookies is not what signs calls.
  const keys = secretKeys.map((secret) =>
    Buffer.from(hkdfSync('sha256', secret, app, 'tenfold calls between modules, 1', 32)),
  )
  const macBy = (key: Buffer, kind: string, ...parts: (string | number)[]): string =>
    createHmac('sha256', key)
      .update([kind, ...parts].join('\n'))
      .digest('base64url')
  return {
    sign(call, body, nowMs) {
      const nonce = randomBytes(16).toString('base64url')
      const hash = hashOf(body)
      return { nonce, header: `t=${nowMs},n=${nonce},b=${hash},s=${macBy(keys[0]!, 'call', call, nowMs, nonce, hash)}` }
    },
    verify(call, header) {
      const [, time, nonce, bodyHash, given] = FORM.exec(header ?? '') ?? []
      if (!time || !nonce || !bodyHash || !given) throw CallUnsigned()
      const by = keys.findIndex((key) => equal(given, macBy(key, 'call', call, time, nonce, bodyHash)))
      if (by < 0) throw CallUnsigned()
      return { nonce, timeMs: Number(time), bodyHash, by }
    },
    signAnswer: ({ nonce, by }, body) => macBy(keys[by]!, 'answer', nonce, hashOf(body)),
    isAnswer: (nonce, body, given) =>
      given !== undefined && keys.some((key) => equal(given, macBy(key, 'answer', nonce, hashOf(body)))),
  }
}

const FORM = /^t=(\d{1,15}),n=([\w-]{22}),b=([\w-]{43}),s=([\w-]{43})$/

export function hashOf(body: string | Buffer): string {
  return createHash('sha256').update(body).digest('base64url')
}

function equal(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Remembers calls for as long as their time would let them in again. In this process only: asking the database would cost
 *  more than the call. */
export class Replays {
  #now = new Set<string>()
  #before = new Set<string>()
  #turnedMs = 0

  /** Throws TF_CALL_REPLAYED. */
  refuse(nonce: string, nowMs: number): void {
    if (nowMs - this.#turnedMs > 2 * WINDOW_MS) {
      this.#before = this.#now
      this.#now = new Set()
      this.#turnedMs = nowMs
    }
    if (this.#now.has(nonce) || this.#before.has(nonce)) throw CallReplayed()
    this.#now.add(nonce)
  }
}
