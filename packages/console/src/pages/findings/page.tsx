import { Badge, Card } from '../../parts/card.tsx'
import { Choice } from '../../parts/filters.tsx'
import { count, percent, rate } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type FindingRow, useFindings } from './api.ts'
import { Finding } from './finding.tsx'

const WINDOWS: [string, string][] = [
  ['1440', 'last 24 hours'],
  ['60', 'last hour'],
  ['10080', 'last 7 days'],
]

export function FindingsPage() {
  const [query] = useQuery()
  const [minutes, words] = WINDOWS.find(([value]) => value === query['minutes']) ?? WINDOWS[0]!
  const asked = useFindings(Number(minutes))
  return (
    <>
      <PageHead title="Findings">
        <Choice label="Show" parameter="minutes" options={WINDOWS} />
      </PageHead>
      <Loaded
        asked={asked}
        empty={(rows) =>
          rows.length === 0 && (
            <Empty title={`Nothing found in the ${words}.`}>
              <p>
                Requests, jobs and crons that ask the database once for each row show up here, and requests that wait
                long for another service, with the line of code.
              </p>
            </Empty>
          )
        }
      >
        {(rows) => {
          const chosen = rows.find((row) => row.id === query['open'])
          return (
            <>
              {chosen && <Chosen row={chosen} />}
              <Card title="To put right" note={`whole hours, ${words}`}>
                <Table
                  label="Findings"
                  columns={COLUMNS}
                  rows={rows}
                  rowKey={(row) => row.id}
                  href={(row) => `/findings?${new URLSearchParams({ ...query, open: row.id })}`}
                  current={(row) => row === chosen}
                  sorting={{ parameter: 'sort', initial: 'contexts' }}
                />
              </Card>
            </>
          )
        }}
      </Loaded>
    </>
  )
}

function Chosen({ row }: { row: FindingRow }) {
  const [, setQuery] = useQuery()
  return (
    <Card
      title={row.title}
      tools={
        <button type="button" class="button small" onClick={() => setQuery({ open: undefined })}>
          Close
        </button>
      }
    >
      <Finding finding={row} />
    </Card>
  )
}

const NAMES: Record<FindingRow['code'], string> = {
  'n-plus-one': 'N+1',
  'repeat-read': 'repeated read',
  'slow-call': 'slow call',
}

const COLUMNS: Column<FindingRow>[] = [
  { key: 'place', head: 'Where', wide: true, cell: (row) => <code>{row.callSite ?? row.query}</code> },
  {
    key: 'code',
    head: 'What',
    cell: (row) => <Badge tone={row.code === 'repeat-read' ? 'quiet' : 'warning'}>{NAMES[row.code]}</Badge>,
  },
  { key: 'origin', head: 'In', hide: 'phone', cell: (row) => <code>{row.origin.name}</code> },
  {
    key: 'contexts',
    head: 'Affected',
    hint: 'Requests, jobs or cron runs in which it was seen',
    align: 'right',
    sort: (row) => row.contexts,
    cell: (row) => count(row.contexts),
  },
  {
    key: 'share',
    head: 'Share',
    hint: 'Of all of that name',
    align: 'right',
    hide: 'narrow',
    sort: (row) => row.share ?? 0,
    cell: (row) => (row.share === undefined ? <span class="faint">–</span> : percent(row.share)),
  },
  {
    key: 'repeats',
    head: 'Repeats',
    hint: 'Each time, on average',
    align: 'right',
    sort: (row) => row.meanRepeats,
    cell: (row) => rate(row.meanRepeats),
  },
  { key: 'last', head: 'Last seen', align: 'right', hide: 'phone', cell: (row) => <Time at={row.lastSeen} /> },
]
