/** Signatures as in Standard Webhooks 1.0 (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`, in
 *  base64, as `v1,<signature>`. Several secrets sign side by side, so that one can be changed without a gap. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { WebhookSecret, WebhookUnverified } from './errors.ts'

const PREFIX = 'whsec_'
/** What the specification allows, in bytes. */
const SHORTEST = 24
const LONGEST = 64
const TOLERANCE_S = 300

/** `whsec_` and 32 random bytes in base64. */
export function newWebhookSecret(): string {
  return `${PREFIX}${randomBytes(32).toString('base64')}`
}

export interface Signable {
  /** Identifies the message over all attempts. Holds no full stop, since those part what is signed. */
  id: string
  /** When this attempt is made. */
  at: Date
  body: string | Uint8Array
}

export interface WebhookHeaders {
  'webhook-id': string
  'webhook-timestamp': string
  'webhook-signature': string
}

/** The three headers of one attempt.
 *  @param secrets all of them sign; the receiver needs one
 *  @example
 *  await fetch(url, { method: 'POST', body, headers: signWebhook([secret], { id, at: new Date(), body }) }) */
export function signWebhook(secrets: readonly string[], { id, at, body }: Signable): WebhookHeaders {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signatures = secrets.map((secret) => `v1,${digest(secret, id, timestamp, body).toString('base64')}`)
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

export interface Incoming {
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** The very bytes that came: JSON that was parsed and written again may differ. */
  body: string | Uint8Array
}

export interface VerifyOptions {
  /** Defaults to now. */
  now?: Date
  /** How old, or how far in the future, the timestamp may be. In seconds. Defaults to 300. */
  toleranceS?: number
}

/** The id of a message that one of the secrets has signed. Throws TF_WEBHOOK_UNVERIFIED, which says what is wrong and nothing
 *  about secrets. Signatures are compared in constant time.
 *  @example const id = verifyWebhook([secret], { headers: request.headers, body: request.rawBody }) */
export function verifyWebhook(
  secrets: readonly string[],
  { headers, body }: Incoming,
  { now = new Date(), toleranceS = TOLERANCE_S }: VerifyOptions = {},
): string {
  const [id, timestamp, given] = (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const).map((name) => {
    const value = headers[name]
    if (typeof value !== 'string' || value === '') throw WebhookUnverified({ problem: `it has no header ${name}` })
    return value
  }) as [string, string, string]
  if (!/^\d{1,12}$/.test(timestamp)) throw WebhookUnverified({ problem: 'its timestamp is not a number of seconds' })
  const ageS = Math.floor(now.getTime() / 1000) - Number(timestamp)
  if (Math.abs(ageS) > toleranceS) {
    throw WebhookUnverified({ problem: `its timestamp is ${Math.abs(ageS)} s ${ageS > 0 ? 'old' : 'in the future'}` })
  }
  if (id.includes('.') || id.length > 200) throw WebhookUnverified({ problem: 'its id is not one' })
  const signatures = given
    .split(' ')
    .filter((one) => one.startsWith('v1,'))
    .slice(0, 20)
    .map((one) => Buffer.from(one.slice(3), 'base64'))
  // Each is compared with each, whatever was found: how long it takes says nothing.
  const fitting = secrets.flatMap((secret) => {
    const own = digest(secret, id, timestamp, body)
    return signatures.filter((signature) => signature.length === own.length && timingSafeEqual(signature, own))
  })
  if (fitting.length === 0) throw WebhookUnverified({ problem: 'no signature fits' })
  return id
}

function digest(secret: string, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest()
}

/** Throws TF_WEBHOOK_SECRET, without the secret. */
function keyOf(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret
  const key = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  if (key.length < SHORTEST || key.length > LONGEST) throw WebhookSecret({ bytes: key.length })
  return key
}
