/** `tenfold/sessions`: who is signed in, kept in Postgres, in any framework. */
import { toMs, type Duration } from '../kernel/index.ts'
import {
  migrations,
  openSessions as openEngine,
  type Session,
  type SessionData,
  type Sessions as Engine,
} from '../sessions/index.ts'
import { cookieIn, cookieLine, type CookieOptions } from './cookie.ts'
import { groundOf, type OnPostgres } from './ground.ts'
import { withRedis } from './redis.ts'
import { addHeader, headerOf, type AnyReply, type AnyRequest } from './reply.ts'

export type { CreatedSession, NewSession, Session, SessionData } from '../sessions/index.ts'
export type { AnyReply, AnyRequest } from './reply.ts'
export type { CookieOptions } from './cookie.ts'

export type SessionsOptions = OnPostgres & {
  /** Keeps copies in Redis, so that most reads need no database. None by default. */
  redisUrl?: string
  /** A session ends when it was not seen for this long. Defaults to 14 d. */
  idle?: Duration
  /** A session ends this long after the sign-in, however busy it is. Defaults to 90 d. */
  absolute?: Duration
  /** How long a process may answer from memory. Defaults to 5 s; others are told of a sign-out in milliseconds, and at most this
   *  much later where telling fails. `0` asks every time. */
  cacheFor?: Duration
  cookie?: CookieOptions
}

/** The session of one request. */
export interface BrowserSession {
  /** Undefined for a visitor who has not signed in. */
  readonly userId: string | undefined
  readonly data: Readonly<SessionData>
  /** Undefined when there is none. */
  readonly session: Session | undefined
  /** Begins a session under a new id. What a visitor collected stays theirs; nothing passes from one user to another. Call it also
   *  whenever what the user may do has changed.
   *  @param options.ip whose network is listed with the session; defaults to the address of the connection */
  signIn(userId: string, data?: SessionData, options?: { ip?: string }): Promise<void>
  /** Ends it, here and on every instance. */
  signOut(): Promise<void>
  /** Changes some of the data; a visitor without a session gets one. */
  set(data: SessionData): Promise<void>
}

/** The sessions themselves: by id, and of a user. */
type Kept = Omit<Engine, 'close'>

export interface Sessions extends Kept, AsyncDisposable {
  /** The session that a request belongs to. Changes set its cookie on the reply, so make them before the reply is sent.
   *  @example
   *  const session = await sessions.of(request, response)           // Express, NestJS; Fastify: request.raw, reply.raw
   *  const session = await sessions.of(request, headers)            // Hono, Next.js: the Headers of the Response
   *  await session.signIn(user.id) */
  of(request: AnyRequest, reply: AnyReply): Promise<BrowserSession>
  close(): Promise<void>
}

const MEMORY = '5s'

/** @example
 *  const sessions = await openSessions({ url: process.env.DATABASE_URL!, migrate: true })
 *  const { userId } = await sessions.of(request, response) */
export async function openSessions(options: SessionsOptions): Promise<Sessions> {
  const { idle, absolute, cacheFor = MEMORY, cookie = {}, redisUrl } = options
  const ground = await groundOf('sessions', migrations, options)
  const { db, telemetry, clock } = ground
  const redis = await withRedis(redisUrl, ground)
  const engine = openEngine({
    db,
    telemetry,
    clock,
    cacheFor,
    ...(idle !== undefined && { idle }),
    ...(absolute !== undefined && { absolute }),
    ...(redis && { redis: redis.shared }),
  })
  const jar: Jar = { cookie, maxAgeSeconds: toMs(absolute ?? '90d') / 1000 }
  const close = async (): Promise<void> => {
    await engine.close()
    await redis?.close()
    await ground.close()
  }
  return {
    ...engine,
    of: (request, reply) => RequestSession.of(engine, jar, request, reply),
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Jar {
  cookie: CookieOptions
  maxAgeSeconds: number
}

class RequestSession implements BrowserSession {
  session: Session | undefined
  #id: string | undefined
  readonly #engine: Engine
  readonly #jar: Jar
  readonly #request: AnyRequest
  readonly #reply: AnyReply

  static async of(engine: Engine, jar: Jar, request: AnyRequest, reply: AnyReply): Promise<RequestSession> {
    const id = cookieIn(headerOf(request, 'cookie'), jar.cookie)
    const session = id === undefined ? undefined : await engine.read(id)
    return new RequestSession(engine, jar, request, reply, session && { id: id!, session })
  }

  private constructor(
    engine: Engine,
    jar: Jar,
    request: AnyRequest,
    reply: AnyReply,
    found: { id: string; session: Session } | undefined,
  ) {
    this.#engine = engine
    this.#jar = jar
    this.#request = request
    this.#reply = reply
    this.#id = found?.id
    this.session = found?.session
  }

  get userId(): string | undefined {
    return this.session?.userId
  }

  get data(): Readonly<SessionData> {
    return this.session?.data ?? {}
  }

  async signIn(userId: string, data: SessionData = {}, { ip }: { ip?: string } = {}): Promise<void> {
    const carried = this.userId === undefined || this.userId === userId ? this.data : {}
    await this.#begin({ userId, data: { ...carried, ...data } }, ip)
  }

  async signOut(): Promise<void> {
    if (this.#id === undefined) return
    await this.#engine.revoke(this.#id)
    this.#id = this.session = undefined
    addHeader(this.#reply, 'set-cookie', cookieLine('', 0, this.#jar.cookie))
  }

  async set(data: SessionData): Promise<void> {
    const next = { ...this.data, ...data }
    if (this.#id !== undefined && (await this.#engine.write(this.#id, next))) {
      this.session = { ...this.session!, data: next }
    } else await this.#begin({ data: next })
  }

  /** Under a new id; the old one, if there is one, is worth nothing afterwards. */
  async #begin(wanted: { userId?: string; data: SessionData }, ip = addressOf(this.#request)): Promise<void> {
    const userAgent = headerOf(this.#request, 'user-agent')
    const full = { ...wanted, ...(userAgent !== undefined && { userAgent }), ...(ip !== undefined && { ip }) }
    const rotated = this.#id === undefined ? undefined : await this.#engine.rotate(this.#id, full)
    const { id, session } = rotated ?? (await this.#engine.create(full))
    this.#id = id
    this.session = session
    addHeader(this.#reply, 'set-cookie', cookieLine(id, this.#jar.maxAgeSeconds, this.#jar.cookie))
  }
}

function addressOf(request: AnyRequest): string | undefined {
  return 'socket' in request ? request.socket?.remoteAddress : undefined
}
