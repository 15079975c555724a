/** A session is what the server remembers of one browser or device between requests.
 *
 *  N1  Its id is 256 random bits, known to the client alone: the store keeps the SHA-256 of it, so that a copy of the
 *      database signs nobody in.
 *  N2  It ends `idle` after it was last seen, and `absolute` after the sign-in, whichever is first; being read keeps it
 *      alive, which is written at most once a minute.
 *  N3  `rotate` gives it a new id, in one step: from then on the old id is worthless, on every instance. Do it on sign-in
 *      and on every change of what the user may do, so that an id planted before is worth nothing afterwards.
 *  N4  A revoked session is gone for the next read on every instance. With `cacheFor` the others are told at once, which takes
 *      milliseconds; one that cannot be told is late by `cacheFor` at most.
 *  N5  Its data is JSON of at most `maxDataBytes`, and frozen once it was read: `write` is the way to change it.
 *  N6  A user's sessions can be listed and ended one by one without their ids being known.
 *  N7  Expired sessions are removed in small batches.
 *  N8  Sessions live in Postgres. With Redis most reads need no database; if Redis is away or frozen, nobody is signed out, no
 *      read fails, and what was revoked stays revoked. */
export interface Sessions {
  create(session: NewSession): Promise<CreatedSession>
  /** The live session with this id; undefined for one that is unknown, malformed, expired or revoked. */
  read(id: string): Promise<Session | undefined>
  /** Replaces the data. False when the session is gone. */
  write(id: string, data: SessionData): Promise<boolean>
  /** Gives the session a new id, and what is given here. With another `userId` it starts its life anew (N2).
   *  Undefined when the session is gone, or another request has just rotated it. */
  rotate(id: string, changes?: Partial<NewSession>): Promise<CreatedSession | undefined>
  /** False when it was gone already. */
  revoke(id: string): Promise<boolean>
  /** Ends all sessions of a user: after a change of password, or "sign out everywhere". Tells how many.
   *  @param options.except the id of the one session that goes on
   *  @param options.exceptRef the same by its `ref` */
  revokeAll(userId: string, options?: { except?: string; exceptRef?: string }): Promise<number>
  /** The live sessions of a user, the last seen first. */
  list(userId: string): Promise<Session[]>
  /** Ends one of a user's sessions by the `ref` that `list` gave. False when that user has no such session. */
  revokeListed(userId: string, ref: string): Promise<boolean>
  close(): Promise<void>
}

export interface NewSession {
  /** Absent for a visitor who has not signed in. */
  userId?: string
  data?: SessionData
  /** As the client sent it; shortened to 256 characters. */
  userAgent?: string
  /** The client's address; only its network is kept: the first 24 bits of IPv4, 48 of IPv6. */
  ip?: string
}

export type SessionData = Record<string, unknown>

export interface Session {
  /** A public name for the session: it does not open it. */
  ref: string
  userId?: string
  data: SessionData
  /** Milliseconds since 1970, as all times here. */
  createdAt: number
  /** Exact to a minute. */
  lastSeenAt: number
  /** When it ends unless it is used before. */
  expiresAt: number
  userAgent?: string
  /** The network of the client that created it, such as `192.0.2.0/24`. */
  network?: string
}

export interface CreatedSession {
  /** For the cookie, and nothing else: never log it or store it. */
  id: string
  session: Session
}

/** All sessions of a user, or one: by the hash of its id. */
export type SessionChange = { userId: string } | { hash: string }
