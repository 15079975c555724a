/** The process's connections: one budget over all roles, so that ten modules do not mean ten pools.
 *
 *    acquire(role) -> an idle connection of that role
 *                  -> else a new one, while fewer than `max` are open
 *                  -> else, for a role that has none, an idle one of another role is closed to make room
 *                  -> else wait in line, at most `acquireTimeoutMs`; after PATIENCE_MS an idle one of another role goes
 *    release       -> to who waits longest for this role
 *                  -> but to another role that has less than its fair share, if this one has more: by closing it
 *                  -> closed, where a transaction was left open on it
 *
 *  To log in costs some ten statements: a connection changes its role only to even out shares, never for one statement.
 *  Connections are opened lazily and closed after `idleMs` without work. */
import pg from 'pg'
import { messageOf } from '../kernel/index.ts'
import { DatabaseUnreachable, PoolExhausted } from './errors.ts'
import { createLogin, type Login } from './login.ts'
import { parsers } from './values.ts'
import { endClient, Wire, WireSocket } from './wire.ts'

/** The password of a role, after so many were refused; undefined: the one in the address. */
export type Credentials = (role: string, refused?: number) => { user: string; password: string } | undefined

export interface ConnectionsOptions {
  url: string
  credentials: Credentials
  /** How many passwords there are to try. Defaults to 1. */
  keys?: number
  applicationName: string
  /** Open connections of this process, over all roles. Defaults to 20. */
  max?: number
  /** Defaults to 5000. */
  acquireTimeoutMs?: number
  /** Defaults to 30000. */
  idleMs?: number
  /** What values become, by role. Defaults to tenfold's way. */
  typesOf?: (role: string) => pg.CustomTypesConfig
  /** Whether an open connection keeps the process alive, as it should where the app waits for its answers. Defaults to true. */
  keepAlive?: boolean
  /** Told of errors on idle connections (a restarted server, a killed backend). */
  onLost?: (role: string, error: Error) => void
  /** Told of a connection that came back inside of a transaction; it is closed, which rolls that back. */
  onLeftOpen?: (role: string) => void
  /** Called with each new connection; it is not used when this throws. */
  onOpen?: (client: pg.Client) => Promise<void>
}

type Told = 'onLost' | 'onLeftOpen' | 'onOpen'

export interface Connection {
  readonly role: string
  readonly wire: Wire
  /** What values become on it. */
  readonly types: pg.CustomTypesConfig
  /** False until it is open, and once it has failed: it is then closed instead of kept. */
  usable: boolean
  idleSince: number
  /** How long who holds it had to wait for it, in ms, until a statement has told of it. */
  waitedMs: number
}

interface Waiter {
  role: string
  give: (connection: Connection) => void
  fail: (error: unknown) => void
  since: number
}

const PATIENCE_MS = 20

export interface ConnectionCounts {
  open: number
  idle: number
  waiting: number
  max: number
  /** Since the start of the process, failures included. */
  opened: number
}

export class Connections {
  readonly #options: Required<Omit<ConnectionsOptions, Told>> & Pick<ConnectionsOptions, Told>
  readonly #open = new Set<Connection>()
  /** Connections by role, those that are being opened included. */
  readonly #held = new Map<string, number>()
  /** By role, who came back last at the end: that one is taken first, so that those beyond need come to rest. */
  readonly #idle = new Map<string, Connection[]>()
  readonly #waiting: Waiter[] = []
  readonly #sweeper: NodeJS.Timeout
  readonly #login: Login
  #alarm: NodeJS.Timeout | undefined
  #opening = 0
  #opened = 0
  #closed = false

  constructor(options: ConnectionsOptions) {
    this.#options = {
      keys: 1,
      max: 20,
      acquireTimeoutMs: 5000,
      idleMs: 30_000,
      typesOf: () => parsers,
      keepAlive: true,
      ...options,
    }
    this.#login = createLogin(this.#options.keys)
    this.#sweeper = setInterval(() => this.#closeIdle(), 5000)
    this.#sweeper.unref()
  }

  counts(): ConnectionCounts {
    const { max } = this.#options
    let idle = 0
    for (const ofRole of this.#idle.values()) idle += ofRole.length
    return { open: this.#open.size, idle, waiting: this.#waiting.length, max, opened: this.#opened }
  }

  /** An idle connection of that role, if there is one now. */
  take(role: string): Connection | undefined {
    return this.#idle.get(role)?.pop()
  }

  async acquire(role: string): Promise<Connection> {
    const kept = this.take(role)
    if (kept) return kept
    if (this.#open.size + this.#opening < this.#options.max) return this.#connect(role)
    if (this.#heldBy(role) === 0 && this.#closeOldestIdle()) return this.#connect(role)
    return new Promise((give, fail) => {
      this.#waiting.push({ role, give, fail, since: performance.now() })
      if (!this.#alarm) this.#alarm = this.#setAlarm()
    })
  }

  /** One timer for all who wait: mostly there is nothing left to do, for a connection came free long before. */
  #look(): void {
    const { acquireTimeoutMs, max } = this.#options
    const now = performance.now()
    for (const waiter of [...this.#waiting]) {
      const waitedMs = now - waiter.since
      if (waitedMs >= acquireTimeoutMs) {
        this.#leave(waiter)
        waiter.fail(PoolExhausted({ role: waiter.role, waitedMs: acquireTimeoutMs, max }))
      } else if (waitedMs >= PATIENCE_MS && this.#closeOldestIdle()) {
        this.#serve(waiter)
      }
    }
    this.#alarm = this.#waiting.length > 0 ? this.#setAlarm() : undefined
  }

  #setAlarm(): NodeJS.Timeout {
    return setTimeout(() => this.#look(), Math.min(PATIENCE_MS, this.#options.acquireTimeoutMs))
  }

  release(connection: Connection): void {
    if (connection.wire.inTransaction && connection.usable) {
      // Whatever the next one wrote on it would never be committed.
      connection.usable = false
      this.#options.onLeftOpen?.(connection.role)
    }
    if (!connection.usable || this.#closed) return this.#drop(connection)
    if (this.#waiting.length > 0 && this.#handOn(connection)) return
    connection.idleSince = Date.now()
    const ofRole = this.#idle.get(connection.role)
    if (ofRole) ofRole.push(connection)
    else this.#idle.set(connection.role, [connection])
  }

  /** To who waits; false where nobody wants one of this role. */
  #handOn(connection: Connection): boolean {
    let own: Waiter | undefined
    for (const waiter of this.#waiting) {
      if (waiter.role === connection.role) own ??= waiter
      else if (this.#deserves(waiter.role, connection.role)) {
        this.#drop(connection, waiter)
        return true
      }
    }
    if (!own) return false
    this.#leave(own)
    own.give(connection)
    return true
  }

  /** Waits for nothing: connections in use are closed when they are released. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweeper)
    const idle = [...this.#idle.values()].flat()
    this.#idle.clear()
    await Promise.all(idle.map((connection) => this.#end(connection)))
  }

  #closeOldestIdle(): boolean {
    let longest: Connection[] | undefined
    for (const ofRole of this.#idle.values())
      if (ofRole[0] && (!longest || ofRole[0].idleSince < longest[0]!.idleSince)) longest = ofRole
    if (!longest) return false
    void this.#end(longest.shift()!)
    return true
  }

  #heldBy(role: string): number {
    return this.#held.get(role) ?? 0
  }

  /** Whether a waiting role should get the connection of another: it has none, or less than its share while that has more. */
  #deserves(role: string, other: string): boolean {
    const held = this.#heldBy(role)
    if (held === 0) return true
    const share = Math.floor(this.#options.max / this.#held.size)
    return held < share && this.#heldBy(other) > share
  }

  #leave(waiter: Waiter): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
  }

  async #connect(role: string): Promise<Connection> {
    this.#opening++
    this.#held.set(role, this.#heldBy(role) + 1)
    try {
      const connection = await this.#login((refused) => this.#openOne(role, refused), role)
      this.#open.add(connection)
      return connection
    } catch (error) {
      this.#forget(role)
      this.#serve(this.#waiting[0])
      const { host, port } = clientConfig(this.#options.url, undefined, '')
      throw DatabaseUnreachable({ host: `${host}:${port}`, reason: reasonOf(error) }, { cause: error })
    } finally {
      this.#opening--
    }
  }

  async #openOne(role: string, refused: number): Promise<Connection> {
    this.#opened++
    const { url, credentials, applicationName, acquireTimeoutMs, typesOf } = this.#options
    const config = clientConfig(url, credentials(role, refused), applicationName)
    const types = typesOf(role)
    const client = new pg.Client({
      ...config,
      types,
      connectionTimeoutMillis: acquireTimeoutMs,
      // TLS wraps the driver's own socket.
      ...(!config.ssl && { stream: () => new WireSocket() }),
    })
    if (!this.#options.keepAlive) (client as pg.Client & { unref(): void }).unref()
    client.on('error', () => {}) // while it connects, the promise says so
    try {
      await client.connect()
      await this.#options.onOpen?.(client)
    } catch (error) {
      void endClient(client)
      throw error
    }
    const connection: Connection = { role, wire: new Wire(client), types, usable: true, idleSince: 0, waitedMs: 0 }
    client.on('error', (error: Error) => this.#lose(connection, error))
    client.on('end', () => this.#lose(connection, new Error('the server closed the connection')))
    return connection
  }

  #lose(connection: Connection, error: Error): void {
    if (!connection.usable) return
    connection.usable = false
    const ofRole = this.#idle.get(connection.role)
    const at = ofRole?.indexOf(connection) ?? -1
    if (at >= 0) {
      ofRole!.splice(at, 1)
      this.#drop(connection)
    }
    this.#options.onLost?.(connection.role, error)
  }

  /** Closes it; the room that comes free is for `next`, by default for who waits longest. */
  #drop(connection: Connection, next: Waiter | undefined = this.#waiting[0]): void {
    void this.#end(connection)
    this.#serve(next)
  }

  async #end(connection: Connection): Promise<void> {
    connection.usable = false
    if (this.#open.delete(connection)) this.#forget(connection.role)
    await connection.wire.end()
  }

  #forget(role: string): void {
    const left = this.#heldBy(role) - 1
    if (left > 0) this.#held.set(role, left)
    else this.#held.delete(role)
  }

  #serve(waiter: Waiter | undefined): void {
    if (!waiter) return
    this.#leave(waiter)
    this.#connect(waiter.role).then(waiter.give, waiter.fail)
  }

  #closeIdle(): void {
    const before = Date.now() - this.#options.idleMs
    for (const ofRole of this.#idle.values())
      while (ofRole[0] && ofRole[0].idleSince < before) void this.#end(ofRole.shift()!)
  }
}

/** What `pg` needs to connect to `url`, as another user where `as` is given. */
export function clientConfig(
  url: string,
  as: { user: string; password: string } | undefined,
  applicationName: string,
): pg.ClientConfig {
  const { hostname, port, pathname, username, password, searchParams } = new URL(url)
  return {
    host: searchParams.get('host') ?? decodeURIComponent(hostname),
    port: Number(port || 5432),
    database: decodeURIComponent(pathname.slice(1)),
    user: as?.user ?? decodeURIComponent(username),
    password: as?.password ?? decodeURIComponent(password),
    application_name: applicationName,
    keepAlive: true,
    types: parsers,
    ...sslOf(searchParams.get('sslmode')),
  }
}

function sslOf(mode: string | null): { ssl?: { rejectUnauthorized: boolean } } {
  if (!mode || mode === 'disable' || mode === 'prefer' || mode === 'allow') return {}
  return { ssl: { rejectUnauthorized: mode === 'verify-full' || mode === 'verify-ca' } }
}

/** A refused connection over several addresses is an AggregateError with an empty message. */
export function reasonOf(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error
  return messageOf(inner) || 'connection refused'
}
