import type { Sql } from '../database/index.ts'

/** Where evidence is written to and read from. */
export interface ConnectionSource {
  /** As the platform's role, over a connection that the app does not use. */
  db: Sql
  /** Whether the server runs on this machine. */
  sameHost: boolean
}
