import type { User } from '../kernel/index.ts'
import type { Session, Sessions } from '../sessions/index.ts'
import { Forbidden, SignInRequired } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { RequestSession } from './http.ts'

/** What a session holds: who signed in, as the handler described them, and what else was set. */
interface Kept {
  user?: User
  values?: Record<string, unknown>
}

/** The token travels in a signed cookie, or as `authorization: Bearer …` for clients without cookies; the header wins,
 *  and then the cookie is not looked at. */
class CookieSession implements RequestSession {
  id: string | undefined
  user: User | undefined
  data: Readonly<Record<string, unknown>> = NOTHING
  private token: string | undefined
  private loaded = false
  private readonly x: Exchange
  private readonly kit: SessionKit | undefined

  constructor(x: Exchange, kit: SessionKit | undefined) {
    this.x = x
    this.kit = kit
    const cookie = x.bearer === undefined && x.raw.headers.cookie !== undefined
    this.token = x.bearer ?? (cookie ? x.signedCookie(x.sessionCookie) : undefined)
  }

  /** Looks the session up, once; undefined when there is nothing to look up. */
  load(): Promise<void> | undefined {
    if (this.loaded || this.token === undefined || !this.kit) return undefined
    this.loaded = true
    return this.kit.store.read(this.token).then((session) => {
      if (session) this.become(session)
    })
  }

  async stillThere(): Promise<boolean> {
    if (this.token === undefined || !this.kit) return false
    const session = await this.kit.store.read(this.token)
    // Another role, too, is for the next connection to be judged by.
    const { user } = (session?.data ?? {}) as Kept
    return session !== undefined && session.userId === this.user?.id && user?.role === this.user?.role
  }

  async signIn(user: User, data: Record<string, unknown> = {}): Promise<{ token: string }> {
    await this.load()
    // What a visitor collected stays theirs when they sign in; nothing passes from one user to another.
    const carried = this.user === undefined || this.user.id === user.id ? this.data : NOTHING
    return { token: await this.begin({ user, values: { ...carried, ...data } }) }
  }

  async signOut(): Promise<void> {
    if (this.token === undefined) return
    await this.kit?.store.revoke(this.token)
    this.token = undefined
    this.id = this.user = this.x.user = undefined
    this.data = NOTHING
    this.x.setCookie(this.x.sessionCookie, null)
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.load()
    const kept: Kept = { ...(this.user ? { user: this.user } : {}), values: { ...this.data, [key]: value } }
    const live = this.token !== undefined && this.id !== undefined
    if (live && (await this.kit!.store.write(this.token!, { ...kept }))) this.data = kept.values!
    else await this.begin(kept)
  }

  /** A session under a new id: the old one, if there is one, goes on in it and is worth nothing afterwards. */
  private async begin(kept: Kept): Promise<string> {
    const { x, kit } = this
    if (!kit) throw new TypeError('This server was made without sessions.')
    const userAgent = x.raw.headers['user-agent']
    const wanted = {
      data: { ...kept },
      ip: x.ip,
      ...(kept.user ? { userId: kept.user.id } : {}),
      ...(userAgent === undefined ? {} : { userAgent }),
    }
    const rotated = this.token === undefined ? undefined : await kit.store.rotate(this.token, wanted)
    const { id, session } = rotated ?? (await kit.store.create(wanted))
    this.token = id
    this.become(session)
    x.setCookie(x.sessionCookie, { value: id, maxAge: kit.maxAgeSeconds })
    return id
  }

  private become(session: Session): void {
    const { user, values } = session.data as Kept
    this.id = session.ref
    this.user = session.userId === undefined ? undefined : { ...user, id: session.userId }
    this.data = values ?? NOTHING
    this.x.user = this.user
  }
}

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({})

export interface SessionKit {
  store: SessionStore
  /** How long browsers keep the cookie. */
  maxAgeSeconds: number
}

/** What the request path asks of sessions. */
export type SessionStore = Pick<Sessions, 'create' | 'read' | 'write' | 'rotate' | 'revoke'>

/** Finds out who asks. A promise only where the session has to be looked up. */
export function identify(x: Exchange, kit: SessionKit | undefined): Promise<void> | undefined {
  const session = new CookieSession(x, kit)
  x.session = session
  return x.route.lookUpSession ? session.load() : undefined
}

/** Throws for who may not ask this of the route. */
export function assertAllowed(x: Exchange): void {
  const { signedIn, roles } = x.route
  if (!signedIn) return
  if (!x.user) throw SignInRequired()
  if (roles && !(x.user.role !== undefined && roles.includes(x.user.role))) throw Forbidden({ roles })
}
