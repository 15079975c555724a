import { createHash } from 'node:crypto'
import { secretToken, uuidv7 } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Sql, SystemDatabase } from '../../database/index.ts'
import { SessionDataInvalid, SessionTooLarge } from '../errors.ts'
import { freeze } from '../frozen.ts'
import { networkOf } from '../network.ts'
import type { CreatedSession, NewSession, Session, SessionData } from '../sessions.ts'

export interface PostgresSessionsOptions {
  db: SystemDatabase
  clock: Clock
  /** All in ms. */
  idle: number
  absolute: number
  touchEvery: number
  maxDataBytes: number
}

interface Row {
  hash: Buffer
  ref: string
  user_id: string | null
  data: string
  created_at: Date
  last_seen_at: Date
  expires_at: Date
  user_agent: string | null
  network: string | null
}

const COLUMNS = 'hash, ref, user_id, data, created_at, last_seen_at, expires_at, user_agent, network'
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** Undefined for what cannot be an id: it costs no query. */
export function hashOf(id: string): Buffer | undefined {
  return TOKEN.test(id) ? createHash('sha256').update(id).digest() : undefined
}

/** Sessions in the table `tenfold.session`: each operation is one statement. */
export class PostgresSessions {
  readonly #options: PostgresSessionsOptions
  readonly #db: Sql

  constructor(options: PostgresSessionsOptions) {
    this.#options = options
    this.#db = options.db
  }

  async create(wanted: NewSession): Promise<CreatedSession> {
    const id = secretToken()
    const now = this.#options.clock.now()
    const { rows } = await this.#db.query<Row>(
      `insert into tenfold.session (${COLUMNS}, ends_at)
       values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9) returning ${COLUMNS}`,
      [
        hashOf(id),
        uuidv7(now),
        wanted.userId ?? null,
        this.#json(wanted.data ?? {}),
        new Date(now),
        new Date(now + Math.min(this.#options.idle, this.#options.absolute)),
        clean(wanted.userAgent),
        networkOf(wanted.ip ?? '') ?? null,
        new Date(now + this.#options.absolute),
      ],
    )
    return { id, session: sessionOf(rows[0]!) }
  }

  async read(hash: Buffer): Promise<Session | undefined> {
    const { clock, touchEvery } = this.#options
    const now = clock.now()
    const { rows } = await this.#db.query<Row>(
      `select ${COLUMNS} from tenfold.session where hash = $1 and expires_at > $2`,
      [hash, new Date(now)],
    )
    if (!rows[0]) return undefined
    const stale = now - rows[0].last_seen_at.getTime() >= touchEvery
    return stale ? this.#touch(hash, now) : sessionOf(rows[0])
  }

  async write(hash: Buffer, data: SessionData): Promise<boolean> {
    const { rowCount } = await this.#db.query(
      'update tenfold.session set data = $2 where hash = $1 and expires_at > $3',
      [hash, this.#json(data), this.#now()],
    )
    return rowCount > 0
  }

  /** One statement: of two requests that rotate one session at the same time, one gets it. */
  async rotate(hash: Buffer, changes: Partial<NewSession>): Promise<CreatedSession | undefined> {
    const { clock, idle, absolute } = this.#options
    const id = secretToken()
    const now = clock.now()
    const { rows } = await this.#db.query<Row>(
      `with old as (
         delete from tenfold.session where hash = $1 and expires_at > $3
         returning *, $4::text is not null and user_id is distinct from $4 as signs_in
       ), new as (
         select *, case when signs_in then $3::timestamptz + $8 * interval '1 ms' else ends_at end as new_end from old
       )
       insert into tenfold.session (${COLUMNS}, ends_at)
       select $2, $5, coalesce($4, user_id), coalesce($6, data), case when signs_in then $3 else created_at end, $3,
         least(new_end, $3::timestamptz + $7 * interval '1 ms'), coalesce($9, user_agent), coalesce($10, network), new_end
       from new returning ${COLUMNS}`,
      [
        hash,
        hashOf(id),
        new Date(now),
        changes.userId ?? null,
        uuidv7(now),
        changes.data ? this.#json(changes.data) : null,
        idle,
        absolute,
        clean(changes.userAgent),
        networkOf(changes.ip ?? '') ?? null,
      ],
    )
    return rows[0] && { id, session: sessionOf(rows[0]) }
  }

  async revoke(hash: Buffer): Promise<boolean> {
    const { rowCount } = await this.#db.query('delete from tenfold.session where hash = $1 and expires_at > $2', [
      hash,
      this.#now(),
    ])
    return rowCount > 0
  }

  /** The hashes of the sessions that were ended. */
  async revokeAll(userId: string, except: Buffer | undefined, exceptRef: string | undefined): Promise<Buffer[]> {
    const { rows } = await this.#db.query<{ hash: Buffer }>(
      `delete from tenfold.session
       where user_id = $1 and hash is distinct from $2 and ref::text is distinct from $3 returning hash`,
      [userId, except ?? null, exceptRef ?? null],
    )
    return rows.map(({ hash }) => hash)
  }

  async list(userId: string): Promise<Session[]> {
    const { rows } = await this.#db.query<Row>(
      `select ${COLUMNS} from tenfold.session where user_id = $1 and expires_at > $2
       order by last_seen_at desc, ref desc limit 1000`,
      [userId, this.#now()],
    )
    return rows.map(sessionOf)
  }

  /** The hash of the session that was ended. */
  async revokeListed(userId: string, ref: string): Promise<Buffer | undefined> {
    const { rows } = await this.#db.query<{ hash: Buffer }>(
      'delete from tenfold.session where user_id = $1 and ref::text = $2 returning hash',
      [userId, ref],
    )
    return rows[0]?.hash
  }

  /** How many were removed: fewer than `limit` when no more are left. */
  async prune(limit: number): Promise<number> {
    const { rowCount } = await this.#db.query(
      `delete from tenfold.session where hash = any (array(
         select hash from tenfold.session where expires_at <= $1 order by expires_at limit $2 for update skip locked))`,
      [this.#now(), limit],
    )
    return rowCount
  }

  /** The check is repeated: of many requests of one session, one writes. */
  async #touch(hash: Buffer, now: number): Promise<Session | undefined> {
    const { idle, touchEvery } = this.#options
    const { rows } = await this.#db.query<Row>(
      `with touched as (
         update tenfold.session set last_seen_at = $2, expires_at = least(ends_at, $2::timestamptz + $3 * interval '1 ms')
         where hash = $1 and expires_at > $2 and last_seen_at <= $4 returning ${COLUMNS}
       )
       select * from touched union all
       select ${COLUMNS} from tenfold.session where hash = $1 and expires_at > $2 and not exists (select from touched)`,
      [hash, new Date(now), idle, new Date(now - touchEvery)],
    )
    return rows[0] && sessionOf(rows[0])
  }

  #now(): Date {
    return new Date(this.#options.clock.now())
  }

  #json(data: SessionData): string {
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      throw SessionDataInvalid({ type: Array.isArray(data) ? 'an array' : String(data) })
    }
    const text = JSON.stringify(data)
    const bytes = Buffer.byteLength(text)
    if (bytes > this.#options.maxDataBytes) throw SessionTooLarge({ bytes, maxBytes: this.#options.maxDataBytes })
    return text
  }
}

/** Frozen, since several requests may share it: changes go through `write`. */
function sessionOf(row: Row): Session {
  return freeze({
    ref: row.ref,
    ...(row.user_id !== null && { userId: row.user_id }),
    data: JSON.parse(row.data) as SessionData,
    createdAt: row.created_at.getTime(),
    lastSeenAt: row.last_seen_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    ...(row.user_agent !== null && { userAgent: row.user_agent }),
    ...(row.network !== null && { network: row.network }),
  })
}

/** Shortened, and without what a terminal or the database would stumble over. */
function clean(userAgent: string | undefined): string | null {
  return (
    userAgent
      ?.toWellFormed()
      .replace(/\p{Cc}/gu, '')
      .slice(0, 256) || null
  )
}
