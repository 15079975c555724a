/** Many calls in one transaction become few statements: its connection takes one at a time in any case. */
import type { SqlTransaction } from '../../database/index.ts'

const MAX_ROWS = 1000

/** What comes while a statement of its transaction is under way goes together in the next one. */
export function createCompanions<Row>(
  write: (rows: readonly Row[], within: SqlTransaction) => Promise<string[]>,
): (rows: readonly Row[], within: SqlTransaction) => Promise<string[]> {
  const open = new WeakMap<SqlTransaction, (rows: readonly Row[]) => Promise<string[]>>()

  const lineOf = (within: SqlTransaction) => {
    const waiting: { rows: readonly Row[]; resolve: (ids: string[]) => void; reject: (error: unknown) => void }[] = []
    let busy = false

    const send = async (): Promise<void> => {
      busy = true
      while (waiting.length > 0) {
        let count = 0
        const end = waiting.findIndex(({ rows }, i) => (count += rows.length) > MAX_ROWS && i > 0)
        const calls = waiting.splice(0, end < 0 ? waiting.length : end)
        try {
          const ids = await write(
            calls.flatMap(({ rows }) => rows),
            within,
          )
          let at = 0
          for (const { rows, resolve } of calls) resolve(ids.slice(at, (at += rows.length)))
        } catch (error) {
          // The transaction is over, for all of them.
          for (const { reject } of calls) reject(error)
        }
      }
      busy = false
    }

    return (rows: readonly Row[]): Promise<string[]> =>
      new Promise((resolve, reject) => {
        waiting.push({ rows, resolve, reject })
        if (!busy) void send()
      })
  }

  return (rows, within) => {
    let add = open.get(within)
    if (!add) open.set(within, (add = lineOf(within)))
    return add(rows)
  }
}
