import { STATUS_CODES } from 'node:http'
import { TenfoldError, type Issue } from '../kernel/index.ts'
import { Internal } from './errors.ts'

/** What clients get for an error: RFC 9457, `application/problem+json`. */
export interface Problem {
  /** `about:blank`: the status says what kind it is, `code` says exactly what. */
  type: string
  title: string
  status: number
  /** What happened. Present below 500, and in development. */
  detail?: string
  /** Permanent: what a program should look at. */
  code: string
  /** The request id: what a person should quote. */
  instance: string
  errors?: Issue[]
  /** What to do about it. In development only. */
  fix?: string
}

/** The error as a problem. From 500 on, and for anything that is not ours, a client learns the code and nothing else;
 *  development adds the sentence and the fix of our own errors, never a stack. */
export function problemOf(error: unknown, requestId: string, development: boolean): Problem {
  const known = asTenfoldError(error)
  const open = known.status < 500 || development
  const issues = (known.details as { issues?: Issue[] } | undefined)?.issues
  return {
    type: 'about:blank',
    title: STATUS_CODES[known.status] ?? 'Error',
    status: known.status,
    ...(open ? { detail: known.message } : {}),
    code: known.code,
    instance: requestId,
    ...(open && Array.isArray(issues) ? { errors: issues } : {}),
    ...(development ? { fix: known.fix } : {}),
  }
}

/** Anything thrown, as an error with a code and a status that HTTP knows; what is not ours becomes TF_INTERNAL. */
export function asTenfoldError(error: unknown): TenfoldError {
  if (!(error instanceof TenfoldError)) return Internal(undefined, { cause: error })
  return error.status >= 400 && error.status <= 599 ? error : Internal(undefined, { cause: error })
}
