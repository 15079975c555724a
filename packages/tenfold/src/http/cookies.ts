import { fastifyCookie } from '@fastify/cookie'
import { createHmac } from 'node:crypto'
import type { ReplyCookie } from './reply.ts'

/** Cookies of one app: parsed, signed with the newest key, verified with any of them. */
export interface CookieJar {
  parse(header: string | undefined): Readonly<Record<string, string>>
  /** The `set-cookie` line of a signed cookie; `null` removes it. */
  line(name: string, cookie: ReplyCookie | null, secure: boolean): string
  /** The value, if this app signed it for this very name. */
  verify(name: string, signed: string | undefined): string | undefined
}

/** A busy client sends the same cookies thousands of times: headers that were read and signatures that were checked
 *  already, no longer ones than this. */
const REMEMBERED = 2000
const REMEMBERED_LENGTH = 1000
const NO_COOKIES: Readonly<Record<string, string>> = Object.freeze(Object.create(null))

export function createCookieJar(secretKeys: readonly string[]): CookieJar {
  // One key per cookie name, derived from the app's: a value signed as one cookie proves nothing as another.
  const signers = new Map<string, ReturnType<typeof fastifyCookie.signerFactory>>()
  const verified = new Map<string, Map<string, string>>()
  const parsed = new Map<string, Readonly<Record<string, string>>>()

  const signerOf = (name: string): ReturnType<typeof fastifyCookie.signerFactory> => {
    let signer = signers.get(name)
    if (!signer) {
      const keys = secretKeys.map((key) => createHmac('sha256', key).update(`tenfold cookie ${name}`).digest('base64'))
      signer = fastifyCookie.signerFactory(keys)
      signers.set(name, signer)
    }
    return signer
  }

  return {
    parse(header) {
      if (!header) return NO_COOKIES
      const known = parsed.get(header)
      if (known) return known
      const cookies = Object.freeze(parseCookies(header))
      if (header.length <= REMEMBERED_LENGTH) remember(parsed, header, cookies)
      return cookies
    },

    line(name, cookie, secure) {
      const value = cookie ? encodeURIComponent(signerOf(name).sign(cookie.value)) : ''
      const maxAge = cookie ? cookie.maxAge : 0
      return [
        `${name}=${value}`,
        ...(maxAge === undefined ? [] : [`Max-Age=${Math.floor(maxAge)}`]),
        `Path=${cookie?.path ?? '/'}`,
        ...(cookie?.readable ? [] : ['HttpOnly']),
        ...(secure ? ['Secure'] : []),
        'SameSite=Lax',
      ].join('; ')
    },

    verify(name, signed) {
      if (!signed || signed.length > 4096) return undefined
      let known = verified.get(name)
      if (!known) verified.set(name, (known = new Map()))
      const value = known.get(signed)
      if (value !== undefined) return value
      const answer = signerOf(name).unsign(signed)
      if (!answer.valid || answer.value === null) return undefined
      if (signed.length <= REMEMBERED_LENGTH) remember(known, signed, answer.value)
      return answer.value
    },
  }
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.size >= REMEMBERED) map.clear()
  map.set(key, value)
}

/** `a=1; b=2` as an object without a prototype; of a repeated name the first counts, as browsers send the closest first. */
function parseCookies(header: string): Record<string, string> {
  const cookies: Record<string, string> = Object.create(null)
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0) continue
    const name = pair.slice(0, equals).trim()
    if (name in cookies) continue
    const value = pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1')
    cookies[name] = value.includes('%') ? decoded(value) : value
  }
  return cookies
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
