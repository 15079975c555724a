import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { moveFocus } from './move-focus.ts'
import { type Cell, saveCsv } from './save.ts'
import { useQuery } from './use-query.ts'

export interface Column<Row> {
  key: string
  head: string
  /** Explains the head on hover. */
  hint?: string
  align?: 'right'
  /** Left out on narrow screens, or only on phones. */
  hide?: 'narrow' | 'phone'
  /** Takes what width is left; its text is cut with an ellipsis. */
  wide?: boolean
  cell(row: Row): ComponentChildren
  /** Makes the column sortable, largest first. */
  sort?(row: Row): number | string
}

interface TableProps<Row> {
  /** What it lists, for screen readers. */
  label: string
  columns: Column<Row>[]
  rows: Row[]
  rowKey(row: Row): string
  /** Where a row leads: the whole row can be clicked, and the first cell is the link. */
  href?(row: Row): string
  /** The parameter of the address that holds the sorting, and the column sorted by at first. */
  sorting?: { parameter: string; initial: string }
  current?(row: Row): boolean
}

/** Rows with a link can be walked through by the arrow keys; Enter opens one. */
export function Table<Row>({ label, columns, rows, rowKey, href, sorting, current }: TableProps<Row>) {
  const [query, setQuery] = useQuery()
  const table = useRef<HTMLTableElement>(null)
  const sortKey = sorting && (query[sorting.parameter] ?? sorting.initial)
  const by = columns.find((column) => column.key === sortKey)?.sort
  const shown = by ? rows.toSorted((a, b) => compare(by(b), by(a))) : rows

  const className = (column: Column<Row>): string =>
    [column.align, column.hide && `hide-${column.hide}`, column.wide && 'wide'].filter(Boolean).join(' ')
  const head = (column: Column<Row>): ComponentChildren => {
    if (column.head === '') return <span class="unseen">Actions</span>
    if (!sorting || !column.sort) return column.head
    return (
      <button type="button" onClick={() => setQuery({ [sorting.parameter]: column.key })}>
        {column.key === sortKey && <span aria-hidden="true">↓ </span>}
        {column.head}
      </button>
    )
  }
  return (
    <div class="table-scroll">
      <table aria-label={label} ref={table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                class={className(column)}
                title={column.hint}
                aria-sort={column.sort && column.key === sortKey ? 'descending' : undefined}
              >
                {head(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={(event) => moveFocus(event, '.row-link')}>
          {shown.map((row) => (
            <tr key={rowKey(row)} class={href ? 'linked' : ''} aria-current={current?.(row) ? 'true' : undefined}>
              {columns.map((column, index) => (
                <td key={column.key} class={className(column)}>
                  {index === 0 && href ? (
                    <a class="row-link" href={href(row)}>
                      {column.cell(row)}
                    </a>
                  ) : (
                    column.cell(row)
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > 0 && (
        <button
          type="button"
          class="save"
          aria-label={`Save ${label} as CSV`}
          onClick={() => saveCsv(label, cells(table.current!, columns, shown))}
        >
          CSV
        </button>
      )}
    </div>
  )
}

/** Numbers that columns are sorted by as they are, the rest as it is read. */
function cells<Row>(table: HTMLTableElement, columns: readonly Column<Row>[], rows: readonly Row[]): Cell[][] {
  const read = [...table.tBodies[0]!.rows].map((row) => [...row.cells].map(({ textContent }) => textContent.trim()))
  const exact = (row: Row, column: Column<Row>): number | undefined => {
    const value = column.sort?.(row)
    return typeof value === 'number' ? value : undefined
  }
  return [
    columns.map(({ head }) => head),
    ...rows.map((row, i) => columns.map((column, j) => exact(row, column) ?? read[i]?.[j] ?? '')),
  ]
}

function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(b).localeCompare(String(a))
}
