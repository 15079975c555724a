/** A statement that was sent to the database. */
export interface SeenStatement {
  module: string
  /** The statement without its values. */
  shape: string
  /** As it was sent, values aside: parametrised. */
  text: string
}

/** Sees each statement of a module while it runs. What it keeps of the values is for nobody else to see. */
export interface StatementWatch {
  began(module: string, shape: string, values: readonly unknown[]): unknown
  /** Of what `began` returned. */
  ended(asked: unknown): void
}

/** Which statements this process has sent, one text for each shape: what a migration must not break. Bounded: what is
 *  first seen after `limit` shapes is left out, and texts above 16 kB are. */
export class StatementLog {
  private readonly limit: number
  private readonly modules = new Map<string, Map<string, string>>()
  private size = 0
  /** Who sees them run; nobody by default. */
  watch: StatementWatch | undefined

  constructor(limit = 5000) {
    this.limit = limit
  }

  saw(module: string, shape: string, text: string): void {
    let shapes = this.modules.get(module)
    if (!shapes) this.modules.set(module, (shapes = new Map()))
    if (shapes.has(shape) || this.size >= this.limit || text.length > MAX_TEXT) return
    shapes.set(shape, text)
    this.size++
  }

  all(): SeenStatement[] {
    return [...this.modules].flatMap(([module, shapes]) =>
      [...shapes].map(([shape, text]) => ({ module, shape, text })),
    )
  }
}

const MAX_TEXT = 16_384
