import { Card } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import { useWindow, WindowChoice } from '../../parts/filters.tsx'
import { count, percent } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { type LimitRow, useLimits } from './api.ts'

export function LimitsPage() {
  const { minutes, words } = useWindow()
  const asked = useLimits(minutes)
  return (
    <>
      <PageHead title="Limits">
        <WindowChoice />
      </PageHead>
      <Loaded
        asked={asked}
        empty={({ limits }) =>
          limits.length === 0 && (
            <Empty title={`No rate limit was asked in the ${words}.`}>
              <p>
                <code>{"limit: { by: 'user', max: 60, per: '1m' }"}</code> on a route declares one.
              </p>
            </Empty>
          )
        }
      >
        {({ limits, points }) => (
          <>
            <Card title="All limits" note={words}>
              <Chart
                title="Decisions"
                times={points.map(({ time }) => time)}
                lines={[
                  { name: 'allowed', tone: '--line-1', values: points.map(({ allowed }) => allowed) },
                  { name: 'refused', tone: '--trouble', values: points.map(({ refused }) => refused) },
                ]}
                format={count}
              />
            </Card>
            <Card title="By limit" note="at once: refused without asking the shared store">
              <Table
                label="Limits"
                columns={COLUMNS}
                rows={limits}
                rowKey={({ name }) => name}
                sorting={{ parameter: 'sort', initial: 'refused' }}
              />
            </Card>
          </>
        )}
      </Loaded>
    </>
  )
}

const share = ({ allowed, refused }: LimitRow): number => (refused === 0 ? 0 : refused / (allowed + refused))

const COLUMNS: Column<LimitRow>[] = [
  { key: 'name', head: 'Limit', wide: true, cell: ({ name }) => name, sort: ({ name }) => name },
  { key: 'allowed', head: 'Allowed', align: 'right', cell: (row) => count(row.allowed), sort: (row) => row.allowed },
  { key: 'refused', head: 'Refused', align: 'right', cell: (row) => count(row.refused), sort: (row) => row.refused },
  { key: 'share', head: 'Share', align: 'right', cell: (row) => percent(share(row)), sort: share },
  {
    key: 'known',
    head: 'At once',
    align: 'right',
    hide: 'phone',
    cell: (row) => count(row.known),
    sort: (row) => row.known,
  },
  {
    key: 'away',
    head: 'Store away',
    align: 'right',
    hide: 'phone',
    cell: (row) => count(row.away),
    sort: (row) => row.away,
  },
]
