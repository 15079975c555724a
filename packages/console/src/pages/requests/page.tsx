import { Badge, Card } from '../../parts/card.tsx'
import { Choice, Search, Tick, useWindow, WindowChoice } from '../../parts/filters.tsx'
import { count, duration, percent, rate } from '../../parts/format.ts'
import { ListEnd } from '../../parts/list-end.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { Heat } from './heat.tsx'
import { type RouteStats, type TraceSummary, useRoutes, useTraces } from './api.ts'

export function RequestsPage() {
  return (
    <>
      <PageHead title="Requests">
        <WindowChoice />
      </PageHead>
      <Routes />
      <Heat />
      <Traces />
    </>
  )
}

function Routes() {
  const { minutes, words } = useWindow()
  const [query] = useQuery()
  const asked = useRoutes(minutes)
  return (
    <Card title="Routes" note={`by what users wait for in all, ${words}; a row filters the traces below`}>
      <Loaded
        asked={asked}
        empty={(rows) =>
          rows.length === 0 && (
            <Empty title={`No requests in the ${words}.`}>
              <p>Open the app in a browser or send it one with curl: it shows up here within ten seconds.</p>
            </Empty>
          )
        }
      >
        {(rows) => (
          <Table
            label="Routes"
            columns={routeColumns(rows)}
            rows={rows}
            rowKey={(row) => row.name}
            href={(row) => tracesOf(row, query)}
            current={(row) => row.name === query['name']}
            sorting={{ parameter: 'sort', initial: 'total' }}
          />
        )}
      </Loaded>
    </Card>
  )
}

/** Chooses this route for the list below, or lets go of it when it is the chosen one. */
function tracesOf(row: RouteStats, query: Record<string, string>): string {
  const { name, ...rest } = query
  const next = new URLSearchParams(name === row.name ? rest : { ...rest, name: row.name })
  return `/requests?${next}`
}

function routeColumns(rows: RouteStats[]): Column<RouteStats>[] {
  const all = rows.reduce((sum, row) => sum + row.totalMs, 0) || 1
  return [
    { key: 'name', head: 'Route', wide: true, cell: (row) => <code>{row.name}</code> },
    { key: 'module', head: 'Module', hide: 'narrow', cell: (row) => row.module },
    {
      key: 'total',
      head: 'Total time',
      hint: 'Requests times mean duration',
      align: 'right',
      sort: (row) => row.totalMs,
      cell: (row) => (
        <span class="with-bar" style={{ '--share': row.totalMs / all }}>
          {duration(row.totalMs)}
        </span>
      ),
    },
    {
      key: 'requests',
      head: 'Requests',
      align: 'right',
      hide: 'phone',
      sort: (row) => row.requests,
      cell: (row) => count(row.requests),
    },
    {
      key: 'errors',
      head: 'Errors',
      align: 'right',
      sort: (row) => row.errors,
      cell: (row) =>
        row.errors > 0 ? (
          <span class={row.errors / row.requests > 0.01 ? 'trouble' : ''}>{percent(row.errors / row.requests)}</span>
        ) : (
          <span class="faint">0</span>
        ),
    },
    {
      key: 'p50',
      head: 'p50',
      align: 'right',
      hide: 'narrow',
      sort: (row) => row.p50,
      cell: (row) => duration(row.p50),
    },
    { key: 'p95', head: 'p95', align: 'right', sort: (row) => row.p95, cell: (row) => duration(row.p95) },
    {
      key: 'p99',
      head: 'p99',
      align: 'right',
      hide: 'phone',
      sort: (row) => row.p99,
      cell: (row) => duration(row.p99),
    },
    {
      key: 'queries',
      head: 'Queries',
      hint: 'Per request, on average',
      align: 'right',
      hide: 'phone',
      sort: (row) => row.queriesPerRequest,
      cell: (row) => rate(row.queriesPerRequest),
    },
  ]
}

const KINDS: [string, string][] = [
  ['', 'everything'],
  ['request', 'requests'],
  ['job', 'jobs'],
  ['cron', 'crons'],
  ['event', 'events'],
  ['task', 'tasks'],
]
const SLOWER: [string, string][] = [
  ['', 'any duration'],
  ['100', 'over 100 ms'],
  ['500', 'over 500 ms'],
  ['1000', 'over 1 s'],
  ['10000', 'over 10 s'],
]

function Traces() {
  const [{ kind, name, min, error }, setQuery] = useQuery()
  const list = useTraces({ kind, name, min, error })
  const filtered = kind || name || min || error
  return (
    <Card
      title="Traces"
      note="newest first"
      tools={
        <>
          <Choice label="Kind" parameter="kind" options={KINDS} />
          <Choice label="Duration" parameter="min" options={SLOWER} />
          <Tick label="Only errors" parameter="error" />
          <Search label="Name" parameter="name" placeholder="POST /orders" />
        </>
      }
    >
      <Loaded
        asked={list}
        empty={(rows) =>
          rows.length === 0 &&
          (filtered ? (
            <Empty title="No trace fits these filters.">
              <button
                type="button"
                class="button"
                onClick={() => setQuery({ kind: undefined, name: undefined, min: undefined, error: undefined })}
              >
                Show all traces
              </button>
            </Empty>
          ) : (
            <Empty title="No traces yet.">
              <p>Each request, job and cron run leaves one, a few seconds after it has ended.</p>
            </Empty>
          ))
        }
      >
        {(rows) => (
          <>
            <Table
              label="Traces"
              columns={TRACE_COLUMNS}
              rows={rows}
              rowKey={(row) => row.traceId}
              href={(row) => `/requests/${encodeURIComponent(row.traceId)}`}
            />
            <ListEnd list={list} />
          </>
        )}
      </Loaded>
    </Card>
  )
}

const TRACE_COLUMNS: Column<TraceSummary>[] = [
  { key: 'time', head: 'Time', cell: (row) => <Time at={row.startedAt} as="clock" /> },
  { key: 'kind', head: 'Kind', hide: 'phone', cell: (row) => <Badge>{row.kind}</Badge> },
  {
    key: 'name',
    head: 'Name',
    wide: true,
    cell: (row) => (
      <>
        <code>{row.name}</code> {row.error && <span class="trouble">{row.error}</span>}
      </>
    ),
  },
  {
    key: 'status',
    head: 'Status',
    align: 'right',
    cell: (row) => <Status status={row.status} failed={row.error !== undefined} />,
  },
  { key: 'duration', head: 'Duration', align: 'right', cell: (row) => duration(row.durationMs) },
  { key: 'queries', head: 'Queries', align: 'right', hide: 'phone', cell: (row) => count(row.queries) },
  { key: 'user', head: 'User', hide: 'narrow', cell: (row) => row.userId ?? <span class="faint">–</span> },
]

export function Status({ status, failed }: { status: number | undefined; failed: boolean }) {
  if (status === undefined) return failed ? <Badge tone="trouble">failed</Badge> : <span class="faint">ok</span>
  if (status >= 500) return <Badge tone="trouble">{status}</Badge>
  return status >= 400 ? <Badge>{status}</Badge> : <span class="faint">{status}</span>
}
