/** The rows of a large query in bounded memory. */
import type { CompiledQuery } from 'kysely'
import type { Sql } from './sql.ts'

/** In pieces of `batch` rows, at least one, by a cursor.
 *  @param run sends to the connection of one transaction
 *  @param goesOn whether that goes on afterwards: else the cursor goes with its end */
export async function* piecesOf<Row>(
  run: Sql['query'],
  { sql, parameters }: CompiledQuery,
  batch: number,
  goesOn = false,
): AsyncGenerator<Row[], void> {
  const count = Math.max(1, Math.trunc(batch))
  await run(`declare tenfold_rows no scroll cursor for ${sql}`, parameters)
  try {
    for (;;) {
      const { rows } = await run<Row>(`fetch ${count} from tenfold_rows`)
      if (rows.length > 0) yield rows
      if (rows.length < count) return
    }
  } finally {
    // Also when the loop is left. After an error of the server nothing can be closed, nor has to be.
    if (goesOn) await run('close tenfold_rows').catch(() => {})
  }
}
