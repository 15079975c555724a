/** Keeps secrets out of logs and traces: by the name of the field, at any depth, and by the look of the value.
 *  It makes a bounded copy, so that what a sink keeps cannot change or grow afterwards. */

export const REDACTED = '[redacted]'

const MAX_DEPTH = 8
const MAX_NODES = 2000
const MAX_STRING = 16_384

const SECRET_NAME =
  /authorization|cookie|passw(or)?d|passphrase|passcode|secret|tokens?$|apikey|accesskey|privatekey|signingkey|encryptionkey|credential|sessionid$|^(pwd|pin|otp|cvv2?|cvc2?|ssn|iban|jwt|dsn)$|cardnumber|cardno$|^pan$|securitycode/

export interface Redactor {
  /** A bounded copy of the fields without secrets. Never throws. */
  fields(fields: Record<string, unknown>): Record<string, unknown>
  /** The text with passwords in URLs, bearer tokens, JSON web tokens and card numbers masked. */
  text(text: string): string
  isSecret(name: string): boolean
}

export function createRedactor(): Redactor {
  // Field names repeat for ever: each is judged once. Bounded, since names may come from outside.
  const judged = new Map<string, boolean>()
  const isSecret = (name: string): boolean => {
    const known = judged.get(name)
    if (known !== undefined) return known
    const secret = SECRET_NAME.test(name.toLowerCase().replace(/[^a-z0-9]/g, ''))
    if (judged.size < 5000) judged.set(name, secret)
    return secret
  }

  const object = (source: object, depth: number, budget: { left: number }): Record<string, unknown> => {
    const copy: Record<string, unknown> = {}
    for (const [name, item] of Object.entries(source)) {
      if (item === undefined || typeof item === 'function' || typeof item === 'symbol') continue
      if (budget.left-- <= 0) {
        copy['truncated'] = true
        break
      }
      copy[name] = isSecret(name) && hides(name, item) ? REDACTED : value(item, depth, budget)
    }
    return copy
  }

  const value = (item: unknown, depth: number, budget: { left: number }): unknown => {
    if (typeof item === 'string') return maskText(item)
    if (typeof item === 'bigint') return item.toString()
    if (typeof item !== 'object' || item === null) return item
    if (depth >= MAX_DEPTH) return '[too deep]'
    if (item instanceof Error) return errorFields(item, depth, budget)
    if (Array.isArray(item)) {
      return item.slice(0, Math.max(0, budget.left)).map((element) => {
        budget.left--
        return value(element, depth + 1, budget)
      })
    }
    if (ArrayBuffer.isView(item)) return `[${item.byteLength} bytes]`
    if (item instanceof Map) return object(Object.fromEntries(item), depth + 1, budget)
    if (item instanceof Set) return value([...item], depth, budget)
    const { toJSON } = item as { toJSON?: unknown }
    if (typeof toJSON === 'function') return value((toJSON as () => unknown).call(item), depth + 1, budget)
    return object(item, depth + 1, budget)
  }

  const errorFields = (error: Error, depth: number, budget: { left: number }): Record<string, unknown> => ({
    type: error.name,
    message: maskText(error.message),
    stack: error.stack === undefined ? undefined : maskText(error.stack),
    ...(error.cause === undefined ? {} : { cause: value(error.cause, depth + 1, budget) }),
    ...object(withoutStandard(error), depth + 1, budget),
  })

  return {
    isSecret,
    text: maskText,
    fields(fields) {
      try {
        return object(fields, 0, { left: MAX_NODES })
      } catch {
        return { unloggable: true }
      }
    },
  }
}

/** Yes or no is no secret, and neither is a number of tokens. */
function hides(name: string, item: unknown): boolean {
  if (item === null || typeof item === 'boolean') return false
  return !(typeof item === 'number' && /tokens$/i.test(name))
}

function withoutStandard(error: Error): object {
  const { name: _name, message: _message, stack: _stack, cause: _cause, ...rest } = error as Error & { cause?: unknown }
  return rest
}

const USERINFO = /([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):[^\s/?#]*@/gi
const SECRET_PARAMETER = /([?&;][^\s=&#]*(?:token|secret|passw(?:or)?d|api_?key|signature)[^\s=&#]*=)[^\s&#]+/gi
const BEARER = /\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}/gi
const JWT = /\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*/g
const CARD = /(?<![\w.-])[2-6]\d(?:[ -]?\d){11,17}(?![\w-])/g

export function maskText(text: string): string {
  let masked = text.length > MAX_STRING ? `${text.slice(0, MAX_STRING)} … (${text.length} characters)` : text
  // Each test is a plain search that fails fast on ordinary lines; the costly expressions run on suspects only.
  if (masked.includes('://')) masked = masked.replace(USERINFO, `$1:${REDACTED}@`)
  if (masked.includes('=')) masked = masked.replace(SECRET_PARAMETER, `$1${REDACTED}`)
  if (/be?a[rs]/i.test(masked)) masked = masked.replace(BEARER, `$1 ${REDACTED}`)
  if (masked.includes('eyJ')) masked = masked.replace(JWT, REDACTED)
  if (masked.length >= 13 && /\d[ -]?\d{2}/.test(masked))
    masked = masked.replace(CARD, (digits) => (isCard(digits) ? REDACTED : digits))
  return masked
}

/** The check digit of payment cards (Luhn): one number in ten passes by chance. */
function isCard(text: string): boolean {
  const digits = text.replace(/\D/g, '')
  if (digits.length < 13 || digits.length > 19) return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const weighed = i % 2 === 0 ? digit : digit * 2
    sum += weighed > 9 ? weighed - 9 : weighed
  }
  return sum % 10 === 0
}
