import type { Service } from '../kernel/index.ts'

/** Backups of the database: taken from the running server, kept in storage, and proven by restoring them.
 *
 *  B1  A backup is listed when all of it is stored, and not before: one that was killed or failed is not there.
 *  B2  What is stored has a checksum, which is compared before anything is restored from it: a changed byte is named.
 *  B3  Bytes stream from the server to storage and back; memory does not grow with the size of the database.
 *  B4  A base backup has the whole server with its roles, and can be carried forward to any moment that the archived log
 *      covers; a segment that is missing on the way is named, and nothing later is made up.
 *  B5  Data that is there already is replaced only with `force`; in a folder it is then moved aside, not deleted.
 *  B6  `verify` restores into a server of its own and compares every table with what the database had at backup time. */
export interface Backups {
  take(options?: TakeOptions): Promise<Manifest>
  /** Newest first. */
  list(): Promise<Manifest[]>
  /** `latest` is the newest one. Throws TF_BACKUP_UNKNOWN. */
  get(id: string): Promise<Manifest>
  restore(id: string, options: RestoreOptions): Promise<Restored>
  verify(id: string, options?: { onProgress?: Progress }): Promise<Verdict>
  /** Removes what `keep` does not keep, with the log that no backup needs any more. Returns the ids. */
  prune(keep: string): Promise<string[]>
  /** What an alert reads. */
  status(expected?: Expected): Promise<BackupStatus>
  /** Stores the log as it is written, until stopped. One process does it at a time, others wait for their turn. */
  archive(options?: ArchiveOptions): Service
}

/** `base`: the server's files and log. `dump`: one database, as pg_dump writes it, without roles. */
export type Kind = 'base' | 'dump'

export interface Manifest {
  id: string
  kind: Kind
  app: string
  appVersion: string
  /** ISO 8601, by the clock of the database. The backup has the state of `finishedAt`. */
  startedAt: string
  finishedAt: string
  /** Such as `18.4`. */
  serverVersion: string
  database: string
  /** The key of the data in storage. */
  file: string
  /** Bytes in storage, and before compression. */
  size: number
  rawSize: number
  sha256: string
  /** Of a base backup: where it begins and ends in the server's log. */
  log?: { system: string; timeline: number; start: string; end: string; segmentBytes: number }
  /** What the database had; absent where that was not asked for. */
  tables?: TableCheck[]
  sequences?: SequenceCheck[]
  /** Of a dump: the roles that own what is in it, or have rights on it. Made without login where they are missing. */
  roles?: string[]
  /** What is not in it, in words. */
  without: string[]
}

export interface TableCheck {
  /** `orders.order`, quoted where needed. */
  name: string
  rows: number
  /** The same for the same rows in any order. */
  checksum: string
  /** False for a table that was written to while the backup was made: it is not compared. */
  exact: boolean
}

export interface SequenceCheck {
  name: string
  value: string
}

/** Bytes done, and in all where that is known. */
export type Progress = (step: string, done: number, of?: number) => void

export interface TakeOptions {
  kind?: Kind
  /** Reads every table, twice for a base backup, to have something to compare a restore with. Defaults to true. */
  checks?: boolean
  onProgress?: Progress
  signal?: AbortSignal
}

export interface RestoreOptions {
  /** A folder, or the address of an empty database (for a dump). */
  to: string
  /** A moment in ISO 8601, or `latest`: as far as the archived log goes. Defaults to the end of the backup. */
  until?: string
  force?: boolean
  dryRun?: boolean
  /** Only unpacks a base backup with its log, for a server of your own. */
  unpack?: boolean
  onProgress?: Progress
}

export interface Restored {
  id: string
  to: string
  done: boolean
  /** What was in the target, in words. */
  replaces?: string
  /** Where the data that was there before is now. */
  movedTo?: string
  /** The last log segment that was used, beyond the backup itself. */
  lastSegment?: string
}

export interface Verdict {
  id: string
  ok: boolean
  /** Tables that were compared, and those that were written to meanwhile and thus were not. */
  compared: number
  notCompared: string[]
  rows: number
  /** One sentence for each difference. */
  problems: string[]
  /** Whether the live database still has the same, table by table; undefined where it could not be asked. */
  live?: { same: number; changed: string[] }
  ms: number
}

export interface Expected {
  /** When a backup should have begun, in ms since 1970. */
  at: number
  /** How long it may be late, in ms. Defaults to an hour. */
  graceMs?: number
}

export interface BackupStatus {
  last?: { id: string; kind: Kind; finishedAt: string; size: number }
  /** The last attempt that failed, if it came after the last backup. */
  failed?: Failure
  /** There should be a newer one. */
  missed: boolean
  /** How far the log is stored, by the clock of the database. */
  log?: { position: string; at: string }
}

export interface Failure {
  id: string
  at: string
  code: string
  message: string
}

export interface ArchiveOptions {
  /** How much may be lost with the machine, in ms: an unfinished segment is stored this often. Defaults to 10000. */
  everyMs?: number
}
