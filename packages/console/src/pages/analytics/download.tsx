import { type Cell, saveCsv } from '../../parts/save.ts'

/** The numbers of a report as a file. */
export function Download({ name, rows }: { name: string; rows: Cell[][] }) {
  return (
    <button type="button" class="button" onClick={() => saveCsv(name, rows)}>
      CSV
    </button>
  )
}
