/** Errors are a table: a permanent code, what happened, and how to fix it.
 *  A code never changes its meaning and never comes back after it was removed. */

export interface ErrorOptions<Details> {
  /** What happened, in one sentence, with the numbers and names that matter. Shown to clients when `status` is below 500. */
  says: (details: Details) => string
  /** What to do about it: a command, a setting, or a line of code. */
  fix: string | ((details: Details) => string)
  /** The HTTP status when this error ends a request. Defaults to 500: clients then see the code and nothing else. */
  status?: number
}

/** An error with a code, a sentence and a way out. Made by {@link defineError}, never by hand. */
export class TenfoldError<Details = unknown> extends Error {
  override readonly name = 'TenfoldError'
  readonly code: string
  readonly fix: string
  readonly status: number
  readonly details: Details

  constructor(code: string, message: string, fix: string, status: number, details: Details, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.fix = fix
    this.status = status
    this.details = details
  }

  toJSON(): { code: string; message: string; fix: string; status: number; details: Details } {
    return { code: this.code, message: this.message, fix: this.fix, status: this.status, details: this.details }
  }
}

/** Makes errors of one code: call it with the details to get an error to throw; `is` recognises them. */
export interface ErrorKind<Details> {
  (details: Details, options?: { cause?: unknown }): TenfoldError<Details>
  readonly code: string
  readonly status: number
  is(error: unknown): error is TenfoldError<Details>
}

/** Defines one error code.
 *  @example
 *  export const OutOfStock = defineError('SHOP_OUT_OF_STOCK', {
 *    status: 409,
 *    says: (e: { product: string; left: number }) => `Only ${e.left} of '${e.product}' are left.`,
 *    fix: 'Order fewer, or try again later.',
 *  })
 *  throw OutOfStock({ product: 'mug', left: 2 })     // -> 409 problem+json with code SHOP_OUT_OF_STOCK */
export function defineError<Details = void>(code: string, options: ErrorOptions<Details>): ErrorKind<Details> {
  const status = options.status ?? 500
  const make = (details: Details, { cause }: { cause?: unknown } = {}): TenfoldError<Details> => {
    const fix = typeof options.fix === 'function' ? options.fix(details) : options.fix
    return new TenfoldError(code, options.says(details), fix, status, details, cause)
  }
  return Object.assign(make, {
    code,
    status,
    is: (error: unknown): error is TenfoldError<Details> => error instanceof TenfoldError && error.code === code,
  })
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message
  try {
    return String(error)
  } catch {
    return 'a value that cannot be shown' // an object without a prototype
  }
}

/** The fields of a log line about an error: with its stack, and the stacks of its causes. */
export function errorFields(error: unknown): Record<string, unknown> {
  const known = error instanceof TenfoldError ? { code: error.code, fix: error.fix } : {}
  return { ...known, error: messageOf(error), stack: stackOf(error) }
}

function stackOf(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error)) return undefined
  const cause = depth < 3 ? stackOf(error.cause, depth + 1) : undefined
  return cause ? `${error.stack}\ncaused by: ${cause}` : error.stack
}
