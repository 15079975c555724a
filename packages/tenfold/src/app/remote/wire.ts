/** What goes over between two hosts: JSON, as between two modules of one process. */
import { messageOf, TenfoldError } from '../../kernel/index.ts'

export interface CallBody {
  caller: string
  /** One for each; several only where the method has `batch`. */
  inputs: readonly { input?: unknown }[]
  /** What reads have to include, in the database's history; null: nothing; absent: the caller has no replicas and does not
   *  know. */
  position?: string | null
}

export type Outcome = { output?: unknown } | { error: WireError }

export interface AnswerBody {
  outcomes: Outcome[]
  /** What the callee has written; null: nothing; absent: it has no replicas and does not know. */
  position?: string | null
}

/** The callee refuses the time of the call and says its own. */
export interface ClockBody {
  clockMs: number
}

export interface WireError {
  name: string
  message: string
  /** Of errors with a code. */
  code?: string
  fix?: string
  status?: number
  details?: unknown
}

/** Stacks and causes stay where they are: in the log of the callee. */
export function errorToWire(error: unknown): WireError {
  if (!(error instanceof TenfoldError)) {
    return { name: error instanceof Error ? error.name : 'Error', message: messageOf(error) }
  }
  const { name, message, code, fix, status, details } = error
  return { name, message, code, fix, status, details }
}

/** The same error as it was thrown: its code, its way out, its details, and `is` of its kind recognises it. */
export function errorFromWire({ name, message, code, fix = '', status = 500, details }: WireError): Error {
  if (code !== undefined) return new TenfoldError(code, message, fix, status, details)
  const error = new Error(message)
  error.name = name
  return error
}
