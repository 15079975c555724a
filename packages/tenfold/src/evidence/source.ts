import type { Sql } from '../database/index.ts'

/** Where evidence is written to and read from. */
export interface ConnectionSource {
  /** As the platform's role, over a connection that the app does not use. */
  db: Sql
  /** The server that the app asks. Defaults to that of `db`; `null`: it cannot be asked, and the evidence has nothing of it. */
  server?: Sql | null
  /** Whether the server runs on this machine. */
  sameHost: boolean
}
