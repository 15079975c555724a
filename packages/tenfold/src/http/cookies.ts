import { fastifyCookie } from '@fastify/cookie'
import { createHmac } from 'node:crypto'
import type { ReplyCookie } from './reply.ts'

/** Cookies of one app: parsed, signed with the newest key, verified with any of them. */
export interface CookieJar {
  parse(header: string | undefined): Record<string, string>
  /** The `set-cookie` line of a signed cookie; `null` removes it. */
  line(name: string, cookie: ReplyCookie | null, secure: boolean): string
  /** The value, if this app signed it for this very name. */
  verify(name: string, signed: string | undefined): string | undefined
}

/** Signatures that were checked already; a busy client sends the same cookie thousands of times. */
const REMEMBERED = 2000

export function createCookieJar(secretKeys: readonly string[]): CookieJar {
  // One key per cookie name, derived from the app's: a value signed as one cookie proves nothing as another.
  const signers = new Map<string, ReturnType<typeof fastifyCookie.signerFactory>>()
  const verified = new Map<string, string>()

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
    parse: (header) => (header ? parseCookies(header) : {}),

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
      const memo = `${name}=${signed}`
      const known = verified.get(memo)
      if (known !== undefined) return known
      const answer = signerOf(name).unsign(signed)
      if (!answer.valid || answer.value === null) return undefined
      if (verified.size >= REMEMBERED) verified.clear()
      verified.set(memo, answer.value)
      return answer.value
    },
  }
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
