/** Why nothing was made, and the way out. Said in two lines, without a stack. */
export class Refusal extends Error {
  readonly fix: string
  /** Whether the command line was wrong (exit code 2) or the world was (1). */
  readonly usage: boolean

  constructor(message: string, fix: string, { usage = false } = {}) {
    super(message)
    this.fix = fix
    this.usage = usage
  }
}
