import { Card, Facts } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { Search, useWindow, WindowChoice } from '../../parts/filters.tsx'
import { count, duration, rate } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type QueryStats, useQueries } from './api.ts'

export function QueriesPage() {
  const { minutes, words } = useWindow()
  const [query] = useQuery()
  const asked = useQueries(minutes)
  const search = (query['search'] ?? '').toLowerCase()
  return (
    <>
      <PageHead title="Queries">
        <WindowChoice />
        <Search label="Search" parameter="search" placeholder="table or text" />
      </PageHead>
      <Loaded
        asked={asked}
        empty={(rows) =>
          rows.length === 0 && (
            <Empty title={`No queries in the ${words}.`}>
              <p>As soon as a request or a job asks the database something, it is listed here by its total time.</p>
            </Empty>
          )
        }
      >
        {(rows) => {
          const shown = rows.filter((row) => `${row.text} ${row.module}`.toLowerCase().includes(search))
          const chosen = rows.find((row) => row.fingerprint === query['open'])
          return (
            <>
              {chosen && <Chosen row={chosen} />}
              <Card title="By total time" note={`values left out, ${words}`}>
                {shown.length === 0 ? (
                  <Empty title={`No query contains “${query['search']}”.`} />
                ) : (
                  <Table
                    label="Queries"
                    columns={columns(rows)}
                    rows={shown}
                    rowKey={(row) => row.fingerprint}
                    href={(row) => `/queries?${new URLSearchParams({ ...query, open: row.fingerprint })}`}
                    current={(row) => row === chosen}
                    sorting={{ parameter: 'sort', initial: 'total' }}
                  />
                )}
              </Card>
            </>
          )
        }}
      </Loaded>
    </>
  )
}

function Chosen({ row }: { row: QueryStats }) {
  const [, setQuery] = useQuery()
  return (
    <Card
      title="Query"
      note={row.module}
      tools={
        <>
          <Copy text={row.text} label="Copy SQL" />
          <button type="button" class="button small" onClick={() => setQuery({ open: undefined })}>
            Close
          </button>
        </>
      }
    >
      <pre class="sql">{row.text}</pre>
      <Facts
        facts={[
          ['Total', duration(row.totalMs)],
          ['Calls', count(row.calls)],
          ['Mean', duration(row.meanMs)],
          ['p95', duration(row.p95)],
          ['Rows per call', rate(row.rows / Math.max(row.calls, 1))],
        ]}
      />
    </Card>
  )
}

function columns(rows: QueryStats[]): Column<QueryStats>[] {
  const all = rows.reduce((sum, row) => sum + row.totalMs, 0) || 1
  return [
    { key: 'text', head: 'Query', wide: true, cell: (row) => <code>{row.text}</code> },
    { key: 'module', head: 'Module', hide: 'narrow', cell: (row) => row.module },
    {
      key: 'total',
      head: 'Total time',
      align: 'right',
      sort: (row) => row.totalMs,
      cell: (row) => (
        <span class="with-bar" style={{ '--share': row.totalMs / all }}>
          {duration(row.totalMs)}
        </span>
      ),
    },
    { key: 'calls', head: 'Calls', align: 'right', sort: (row) => row.calls, cell: (row) => count(row.calls) },
    {
      key: 'mean',
      head: 'Mean',
      align: 'right',
      hide: 'phone',
      sort: (row) => row.meanMs,
      cell: (row) => duration(row.meanMs),
    },
    { key: 'p95', head: 'p95', align: 'right', sort: (row) => row.p95, cell: (row) => duration(row.p95) },
    {
      key: 'rows',
      head: 'Rows',
      hint: 'Per call, on average',
      align: 'right',
      hide: 'phone',
      sort: (row) => row.rows / Math.max(row.calls, 1),
      cell: (row) => rate(row.rows / Math.max(row.calls, 1)),
    },
  ]
}
