/** Is this migration safe to apply while the app runs, beside the code that runs now?
 *
 *    file ──[squawk]──[our rules]──[replay]──> findings ──> applied, or refused with the safe way
 *
 *  G1  squawk reads every file, if it is installed: what a second pair of eyes knows about locks.
 *  G2  Our rules read the parsed SQL: what squawk does not see, and everything about phases, modules and roles.
 *  G3  Replay prepares the statements of the releases that run, as the role of their module, against the new schema in a
 *      scratch server: a file that passes leaves every recorded statement working.
 *  G4  A table made in the same file has no readers yet: locks on it harm nobody.
 *  G5  Nothing is changed in the target database; the scratch server is thrown away.
 *  G6  A file may say what it does all the same, with the reason: `--! allow: <code> <reason>`. */
import type { Phase } from '../migrations/files.ts'

export type Gate = 'squawk' | 'rules' | 'replay'

/** What is wrong with a migration: data; the words are in `words.ts`. */
export interface Finding {
  /** Of our rules their name (`set-not-null`), of squawk `squawk/<rule>`. */
  code: string
  level: 'error' | 'warning'
  gate: Gate
  /** `orders/0004_paid_at`. */
  migration: string
  file: string
  line: number
  details: Details
  /** Why the file says it is done all the same; such a finding stops nothing. */
  allowed?: string
}

export interface Details {
  schema?: string
  table?: string
  column?: string
  /** Of the index, constraint, function or type in question. */
  name?: string
  /** The type that a column has or gets, or the reason in somebody else's words. */
  type?: string
  /** A recorded statement that no longer works. */
  statement?: string
  /** Releases that run the statement. */
  releases?: string[]
  [more: string]: string | string[] | undefined
}

/** A statement that running code sends, as it was seen. */
export interface RecordedStatement {
  module: string
  text: string
  /** Versions of the app that sent it. */
  releases: readonly string[]
}

/** What a file is judged by, beside its text. */
export interface Judged {
  module: string
  schema: string
  phase: Phase
  transactional: boolean
}
