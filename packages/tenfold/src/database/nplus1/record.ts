/** What is kept of one request, job, cron run or task while it runs: references only, bounded, and judged at its end.
 *
 *    fingerprint ─ Group ─ at most KEYS occurrences (text, values), the call site of the third
 *                        └ results: at most ROWS_OF_RESULT rows each, ROWS_OF_GROUP in all
 *    over all groups: at most GROUPS groups and ROWS rows */

export const KEYS = 64
export const GROUPS = 200
export const ROWS_OF_RESULT = 200
export const ROWS_OF_GROUP = 400
export const ROWS = 4000
/** The repeat at which the stack is captured. */
const CAPTURE_AT = 3

/** One run of a statement, or one call. */
export interface Occurrence {
  readonly recording: Recording
  readonly group: Group
  /** Order of all that began and ended in this context. */
  readonly began: number
  readonly startedMs: number
  endedMs: number
  readonly text: string
  readonly values: readonly unknown[]
  /** The transaction that it ran in. */
  readonly transaction: object | undefined
  /** How many writes this context had done before. */
  readonly writes: number
  rows: number
}

export interface Outcome {
  readonly ended: number
  readonly rows: readonly unknown[]
}

export interface Group {
  readonly kind: 'query' | 'call' | 'input'
  readonly module: string
  /** The fingerprint, the contract method, or the name of the input. */
  readonly name: string
  readonly writes: boolean
  times: number
  /** The first of them. */
  occurrences: Occurrence[]
  outcomes: Outcome[]
  rows: number
  /** Its stack is formatted when somebody reads it. */
  captured: { stack?: string } | undefined
  /** The same of another module. */
  next: Group | undefined
}

const FEW = 12

/** Deep enough to reach the caller through a query builder. */
const FRAMES = 40

const NONE: never[] = []

export class Recording {
  readonly groups: Group[] = []
  /** Whether anything ran so often that it has to be looked at. */
  repeated = false
  private byName: Map<string, Group> | undefined
  private writers: WeakSet<object> | undefined
  private order = 0
  private writes = 0
  private rows = 0

  begin(
    kind: Group['kind'],
    module: string,
    name: string,
    text: string,
    values: readonly unknown[],
    transaction: object | undefined,
    /** The stack of who asked, where it is not the present one. */
    site?: { stack?: string },
  ): Occurrence | undefined {
    const group = this.groupOf(kind, module, name)
    if (!group) return undefined
    group.times++
    if (group.times === CAPTURE_AT) {
      group.captured = site ?? capture()
      this.repeated = true
    }
    if (group.writes) {
      this.writes++
      if (transaction) (this.writers ??= new WeakSet()).add(transaction)
    }
    const occurrence: Occurrence = {
      recording: this,
      group,
      began: ++this.order,
      startedMs: group.times > 1 ? performance.now() : 0,
      endedMs: 0,
      text,
      values,
      transaction,
      writes: this.writes,
      rows: 0,
    }
    // A literal has room for one, the first push on an empty array makes room for seventeen: most queries run once.
    if (group.times === 1) group.occurrences = [occurrence]
    else if (group.times <= KEYS) group.occurrences.push(occurrence)
    return occurrence
  }

  end(occurrence: Occurrence, rows: readonly unknown[]): void {
    const { group } = occurrence
    occurrence.endedMs = performance.now()
    occurrence.rows = rows.length
    const room =
      rows.length === 0 ? 0 : Math.min(rows.length, ROWS_OF_RESULT, ROWS_OF_GROUP - group.rows, ROWS - this.rows)
    if (room <= 0) return
    group.rows += room
    this.rows += room
    const outcome = { ended: ++this.order, rows: room < rows.length ? rows.slice(0, room) : rows }
    if (group.outcomes === NONE) group.outcomes = [outcome]
    else group.outcomes.push(outcome)
  }

  /** Something that was there from the start, such as the body of a request. */
  given(name: string, value: unknown): void {
    const group = this.groupOf('input', '', name)
    if (group) group.outcomes = [...group.outcomes, { ended: 0, rows: [value] }]
  }

  /** Whether something was written or locked in that transaction. */
  hasWritten(transaction: object): boolean {
    return this.writers?.has(transaction) ?? false
  }

  /** Lets go of all rows. */
  forget(): void {
    this.groups.length = 0
    this.byName = undefined
  }

  private groupOf(kind: Group['kind'], module: string, name: string): Group | undefined {
    const known = this.find(module, name)
    if (known) return known
    if (this.groups.length >= GROUPS) return undefined
    const writes = kind === 'query' && changes(name)
    const group: Group = {
      kind,
      module,
      name,
      writes,
      times: 0,
      occurrences: NONE,
      outcomes: NONE,
      rows: 0,
      captured: undefined,
      next: this.byName?.get(name),
    }
    this.byName?.set(name, group)
    this.groups.push(group)
    return group
  }

  /** Most contexts run a handful of statements: a Map is made for the others. */
  private find(module: string, name: string): Group | undefined {
    const { groups } = this
    if (groups.length <= FEW) {
      for (let i = 0; i < groups.length; i++) {
        const group = groups[i]!
        if (group.name === name && group.module === module) return group
      }
      return undefined
    }
    let group = (this.byName ??= mapOf(groups)).get(name)
    while (group && group.module !== module) group = group.next
    return group
  }
}

function mapOf(groups: readonly Group[]): Map<string, Group> {
  const byName = new Map<string, Group>()
  for (const group of groups) {
    group.next = byName.get(group.name)
    byName.set(group.name, group)
  }
  return byName
}

/** It writes or locks rows. */
function changes(fingerprint: string): boolean {
  if (fingerprint.startsWith('select') && !fingerprint.includes(' for ')) return false
  return (
    /^\s*(?:insert|update|delete|merge)\b/i.test(fingerprint) ||
    /\bfor\s+(?:no\s+key\s+)?(?:update|share|key\s+share)\b/i.test(fingerprint) ||
    (/^\s*with\b/i.test(fingerprint) && /\b(?:insert\s+into|update|delete\s+from)\b/i.test(fingerprint))
  )
}

function capture(): { stack?: string } {
  const holder: { stack?: string } = {}
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  Error.captureStackTrace(holder, Recording.prototype.begin)
  Error.stackTraceLimit = before
  return holder
}
