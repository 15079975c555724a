import { Badge, Card } from '../../parts/card.tsx'
import { Choice, Search } from '../../parts/filters.tsx'
import { count, duration } from '../../parts/format.ts'
import { ListEnd } from '../../parts/list-end.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { eventsOf, type JobRow, type JobSummary, useJobs, useSummary } from './api.ts'
import { PauseOrResume } from './pause.tsx'
import { State } from './state.tsx'

export function JobsPage() {
  return (
    <>
      <PageHead title="Jobs" />
      <Summary />
      <Jobs />
    </>
  )
}

function Summary() {
  const [query] = useQuery()
  const asked = useSummary()
  const hrefOf = (row: JobSummary): string => {
    const { name, ...rest } = query
    return `/jobs?${new URLSearchParams(name === row.name ? rest : { ...rest, name: row.name })}`
  }
  return (
    <Card title="By name" note="a row filters the list below">
      <Loaded
        asked={asked}
        empty={(rows) =>
          rows.length === 0 && (
            <Empty title="No jobs yet.">
              <p>
                A job that was enqueued, with <code>sendReceipt.enqueue(…)</code> for example, is counted here.
              </p>
            </Empty>
          )
        }
      >
        {(rows) => (
          <>
            <PauseOrResume row={rows.find((row) => row.name === query['name'])} onChanged={asked.refresh} />
            <Table
              label="Jobs by name"
              columns={SUMMARY_COLUMNS}
              rows={rows}
              rowKey={(row) => row.name}
              href={hrefOf}
              current={(row) => row.name === query['name']}
              sorting={{ parameter: 'sort', initial: 'dead' }}
            />
          </>
        )}
      </Loaded>
    </Card>
  )
}

const SUMMARY_COLUMNS: Column<JobSummary>[] = [
  {
    key: 'name',
    head: 'Job',
    wide: true,
    cell: (row) => (
      <>
        <code>{row.name}</code> {row.paused && <Badge tone="warning">paused</Badge>}
      </>
    ),
  },
  numbers('dead', 'Dead', (row) => row.dead, 'trouble'),
  numbers('waiting', 'Waiting', (row) => row.waiting),
  {
    key: 'oldest',
    head: 'Oldest',
    hint: 'How long the oldest one has been waiting',
    align: 'right',
    hide: 'narrow',
    sort: (row) => row.oldestWaitingMs,
    cell: (row) => (row.waiting > 0 ? duration(row.oldestWaitingMs) : <span class="faint">–</span>),
  },
  { ...numbers('delayed', 'Delayed', (row) => row.delayed), hide: 'narrow' },
  numbers('running', 'Running', (row) => row.running),
  { ...numbers('done', 'Done, 1 h', (row) => row.doneLastHour), hide: 'phone' },
  {
    ...numbers('failed', 'Failed, 1 h', (row) => row.failedLastHour, 'warning'),
    hide: 'phone',
    hint: 'Attempts that failed in the last hour',
  },
  {
    key: 'mean',
    head: 'Mean run',
    align: 'right',
    hide: 'narrow',
    sort: (row) => row.meanRunMs,
    cell: (row) => duration(row.meanRunMs),
  },
]

function numbers(key: string, head: string, of: (row: JobSummary) => number, tone = ''): Column<JobSummary> {
  return {
    key,
    head,
    align: 'right',
    sort: of,
    cell: (row) => <span class={of(row) > 0 ? tone : 'faint'}>{count(of(row))}</span>,
  }
}

const STATES: [string, string][] = [
  ['', 'any state'],
  ['waiting', 'waiting'],
  ['delayed', 'delayed'],
  ['blocked', 'blocked'],
  ['running', 'running'],
  ['done', 'done'],
  ['dead', 'dead'],
  ['cancelled', 'cancelled'],
]

function Jobs() {
  const [{ state, name, search }, setQuery] = useQuery()
  const list = useJobs({ state, name, search })
  return (
    <Card
      title="Jobs"
      note="newest first"
      tools={
        <>
          <Choice label="State" parameter="state" options={STATES} />
          <Search label="Name" parameter="name" placeholder="orders.send-receipt" />
          <Search label="Search" parameter="search" placeholder="in inputs" />
        </>
      }
    >
      <Loaded
        asked={list}
        empty={(rows) =>
          rows.length === 0 && (
            <Empty title={state === 'dead' ? 'No dead jobs: none has used up its attempts.' : 'No job here.'}>
              {(state || name || search) && (
                <button
                  type="button"
                  class="button"
                  onClick={() => setQuery({ state: undefined, name: undefined, search: undefined })}
                >
                  Show all jobs
                </button>
              )}
            </Empty>
          )
        }
      >
        {(rows) => (
          <>
            <Table
              label="Jobs"
              columns={JOB_COLUMNS}
              rows={rows}
              rowKey={(row) => row.id}
              href={(row) => `/jobs/${encodeURIComponent(row.id)}`}
            />
            <ListEnd list={list} />
          </>
        )}
      </Loaded>
    </Card>
  )
}

const JOB_COLUMNS: Column<JobRow>[] = [
  {
    key: 'name',
    head: 'Job',
    cell: (row) => (
      <>
        <code>{row.name}</code> {row.events !== undefined && <span class="faint">{eventsOf(row.events)}</span>}
      </>
    ),
  },
  { key: 'state', head: 'State', cell: (row) => <State state={row.state} /> },
  {
    key: 'error',
    head: 'Last error',
    wide: true,
    hide: 'phone',
    cell: (row) => <span class={row.state === 'dead' ? 'trouble' : 'faint'}>{row.error}</span>,
  },
  {
    key: 'attempt',
    head: 'Attempt',
    align: 'right',
    hide: 'phone',
    cell: (row) => `${row.attempt} of ${row.maxAttempts}`,
  },
  {
    key: 'duration',
    head: 'Took',
    align: 'right',
    hide: 'phone',
    cell: (row) => (row.durationMs === undefined ? <span class="faint">–</span> : duration(row.durationMs)),
  },
  { key: 'created', head: 'Enqueued', align: 'right', cell: (row) => <Time at={row.createdAt} /> },
]
