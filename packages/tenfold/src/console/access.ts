/** Who may see the console.
 *
 *    token --POST /api/session--> cookie (signed, expires) --> every other request
 *      \--Authorization: Bearer--------------------------------^   (programs)
 *
 *  A session is not stored: the cookie carries when it ends and is signed with a key derived from the token, so that it
 *  holds over restarts and on every instance, and a changed token ends all sessions. Signing out revokes the cookie in
 *  this process too. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Clock, secretToken } from '../kernel/index.ts'
import { ConsoleSignIn, ConsoleThrottled, ConsoleTokenShort } from './errors.ts'
import { createThrottle } from './throttle.ts'

/** `readToken` opens the console for looking only: its sessions see everything and can do nothing. */
export type ConsoleAccess = { kind: 'open' } | { kind: 'token'; token: string; readToken?: string | undefined }

export type ConsoleRole = 'full' | 'read'

export interface AccessControl {
  readonly kind: ConsoleAccess['kind']
  /** What this request may do, by a live session or by a token itself; undefined for nothing. `full` where access is open. */
  roleOf(request: IncomingMessage): ConsoleRole | undefined
  /** A new session and its `set-cookie` value, for a right token.
   *  Throws TF_CONSOLE_SIGN_IN for a wrong one and TF_CONSOLE_THROTTLED after too many. */
  signIn(request: IncomingMessage, token: string): { cookie: string; role: ConsoleRole }
  /** Ends the session of this request; returns the `set-cookie` value that removes it. */
  signOut(request: IncomingMessage): string
}

const COOKIE = 'tenfold_console'
const SESSION_MS = 12 * 60 * 60_000
const SHORTEST_TOKEN = 16

export function createAccess(access: ConsoleAccess, clock: Clock): AccessControl {
  if (access.kind === 'open') {
    const signIn = (): ReturnType<AccessControl['signIn']> => ({ cookie: removal(), role: 'full' })
    return { kind: 'open', roleOf: () => 'full', signIn, signOut: () => removal() }
  }
  const { token: full, readToken: read } = access
  const tokens = read === undefined ? { full } : { full, read }
  for (const token of Object.values(tokens)) {
    if (token.length < SHORTEST_TOKEN) throw ConsoleTokenShort({ length: token.length })
  }
  // Each role signs with a key of its own, so that a cookie says by its signature what it may do.
  const roles = Object.entries(tokens).map(([role, token]) => ({
    role: role as ConsoleRole,
    token,
    key: createHmac('sha256', token).update('tenfold console session v1').digest(),
  }))
  const throttle = createThrottle({ clock, burst: 10, everyMs: 6_000, most: 10_000 })
  const revoked = new Map<string, number>()

  const sign = (key: Buffer, claims: string): string => createHmac('sha256', key).update(claims).digest('base64url')
  const live = (cookie: string | undefined): ConsoleRole | undefined => {
    const [version, expires, nonce, signature] = cookie?.split('.') ?? []
    if (version !== 'v1' || !expires || !nonce || !signature) return undefined
    const signed = roles.find(({ key }) => same(signature, sign(key, `v1.${expires}.${nonce}`)))
    return Number(expires) > clock.now() && !revoked.has(nonce) ? signed?.role : undefined
  }
  // A wrong token costs an attempt, whichever way it came; a right one costs nothing.
  const check = (request: IncomingMessage, token: string): (typeof roles)[number] => {
    const address = request.socket.remoteAddress ?? ''
    const waitMs = throttle.waitMs(address)
    if (waitMs > 0) throw ConsoleThrottled({ retryAfterSeconds: Math.ceil(waitMs / 1000) })
    const found = roles.find((one) => same(token, one.token))
    if (found) return found
    throttle.count(address)
    throw ConsoleSignIn({ why: 'wrong-token' })
  }

  return {
    kind: 'token',
    roleOf(request) {
      const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
      return bearer === undefined ? live(cookieOf(request)) : check(request, bearer).role
    },
    signIn(request, token) {
      const { role, key } = check(request, token)
      const claims = `v1.${clock.now() + SESSION_MS}.${secretToken()}`
      const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : ''
      const value = `${COOKIE}=${claims}.${sign(key, claims)}`
      return { role, cookie: `${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1000}${secure}` }
    },
    signOut(request) {
      const cookie = cookieOf(request)
      const [, expires, nonce] = cookie?.split('.') ?? []
      for (const [old, until] of revoked) if (until <= clock.now()) revoked.delete(old)
      if (live(cookie)) revoked.set(nonce!, Number(expires))
      return removal()
    },
  }
}

function removal(): string {
  return `${COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`
}

function cookieOf(request: IncomingMessage): string | undefined {
  for (const pair of request.headers.cookie?.split(';') ?? []) {
    const [name, value] = pair.trim().split('=', 2)
    if (name === COOKIE) return value
  }
  return undefined
}

/** Compares in constant time, whatever the lengths: digests are always equally long. */
function same(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
