/** What handlers, jobs, crons and loaders are given. Context is an argument: nothing is looked up in a global registry. */
import type { Attributes, Logger, Span } from '../telemetry/index.ts'
import type { Session } from '../sessions/index.ts'
import type { Storage } from '../storage/index.ts'
import type { Db } from '../database/index.ts'
import type { AnyContract, Calls } from './contract.ts'

/** Sealed with a key made from SECRET_KEY, for this module alone. */
export interface Vault {
  seal(text: string): string
  /** Throws TF_SEALED if it was not sealed here. */
  open(sealed: string): string
}

/** Where a user is signed in, and an end of it. What ends is ended at once, on every instance. */
export interface UserSessions {
  /** The live ones, the last seen first. `ref` is what `session.id` of a request is. */
  list(userId: string): Promise<Omit<Session, 'data'>[]>
  /** Ends one of a user's sessions. False when that user has no such session. */
  end(userId: string, ref: string): Promise<boolean>
  /** Ends all: "sign out everywhere", a change of password, or of what a user may do. Tells how many.
   *  @param options.except the `ref` of the one that goes on: `session.id` of the request */
  endAll(userId: string, options?: { except?: string | undefined }): Promise<number>
}

/** The types that a kit was made with. */
export interface KitTypes {
  name: string
  uses: Record<string, AnyContract>
  tables: object
  settings: unknown
}

export interface ModuleContext<K extends KitTypes = KitTypes> {
  /** This module's tables, as this module's database role. */
  readonly db: Db<K['tables']>
  /** The contracts named in `uses`. */
  readonly call: Calls<K['uses']>
  /** Environment variables, as the module's `settings` schema declares them. */
  readonly settings: K['settings']
  readonly log: Logger
  /** Times what `fn` does as a span of the running trace, and records its error.
   *  @example
   *  const price = await span('price the cart', { items: cart.length }, () => priceOf(cart)) */
  readonly span: <T>(name: string, attributes: Attributes, fn: (span: Span) => Promise<T>) => Promise<T>
  /** Aborts when the work should end: the client has gone, the time is up, the process stops. */
  readonly signal: AbortSignal
  /** This module's files: those of other modules cannot be reached. */
  readonly files: Omit<Storage, 'verify' | 'close'>
  /** Of this app's users, whichever module signed them in.
   *  @example
   *  handler: ({ user, session, sessions }) => sessions.endAll(user.id, { except: session.id }) */
  readonly sessions: UserSessions
  /** Seals text before it is stored, so that whoever has only the database cannot read it: access tokens, secrets of others. */
  readonly vault: Vault
  /** The time now. */
  now(): Date
}
