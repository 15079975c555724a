/** Ring 3: sessions. What the server remembers of a browser or device, on whichever instance its requests arrive. */
export { SessionDigests } from './digests.ts'
export { SessionDataInvalid, SessionTooLarge } from './errors.ts'
export { openSessions, type SessionsOptions } from './open.ts'
export type { CreatedSession, NewSession, Session, SessionData, Sessions } from './sessions.ts'

/** The tables of the Postgres backend. */
export const migrations = {
  module: 'tenfold.sessions',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}
