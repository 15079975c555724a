/** What Postgres keeps of a password (RFC 5802 and 7677), made here rather than by the server:
 *    https://www.postgresql.org/docs/18/catalog-pg-authid.html
 *
 *  The server would take a new salt each time a password is set, the same one included. A pooler that asks it (`auth_query`)
 *  logs in with what a client has shown it, which fits one salt only: with each `migrate up` it could open no more
 *  connections until its clients had logged in anew. And this way no password appears in a log of statements,
 *  unless the server takes nothing else.
 *
 *  The salt is derived as the password is: from a key of 256 bits, so that tables of known passwords do not help anybody. */
import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

/** Of Postgres: `scram_iterations`. */
const ITERATIONS = 4096

/** The same for the same arguments.
 *  @example await verifierOf(password, salt) // -> 'SCRAM-SHA-256$4096:…' */
export async function verifierOf(password: string, salt: Buffer): Promise<string> {
  const salted = await promisify(pbkdf2)(password, salt, ITERATIONS, 32, 'sha256')
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest()
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${keyed('Server Key').toString('base64')}`
}
