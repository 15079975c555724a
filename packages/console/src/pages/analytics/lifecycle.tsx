import { Card } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import { count, duration } from '../../parts/format.ts'
import { Loaded } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type LifecycleReport, type Range, selectionOf, textOf, useLifecycle } from './api.ts'
import { PickEvent } from './pick-event.tsx'
import { PickPeriod } from './pick-period.tsx'

export function Lifecycle({ names, range }: { names: string[]; range: Range }) {
  const [query, setQuery] = useQuery()
  const by = (query['by'] ?? 'week') as 'week'
  const event = query['event'] ? selectionOf(query['event']) : undefined
  const asked = useLifecycle({ ...range, by, ...(event && { event }) })
  return (
    <>
      <Card title="Who is there" note={`periods are calendar ${by}s; weeks begin on Monday`}>
        <div class="builder">
          <PickEvent
            label="People who did"
            names={names}
            selection={event}
            none="anything"
            onChange={(one) => setQuery({ event: one && textOf(one) })}
          />
          <div class="fields">
            <PickPeriod periods={['week', 'day', 'month']} />
          </div>
        </div>
      </Card>
      <Loaded asked={asked}>{(report) => <Answer report={report} by={by} />}</Loaded>
    </>
  )
}

function Answer({ report, by }: { report: LifecycleReport; by: string }) {
  const { periods, timeZone, tookMs } = report
  const values = (kind: 'new' | 'returning' | 'resurrecting' | 'dormant') => periods.map((period) => period[kind])
  return (
    <Card title="Lifecycle" note={`${timeZone}; answered in ${duration(tookMs)}`}>
      <Chart
        title="People"
        times={periods.map(({ from }) => Date.parse(`${from}T00:00`))}
        lines={[
          { name: 'returning', tone: '--line-1', values: values('returning'), filled: true },
          { name: 'new', tone: '--line-3', values: values('new') },
          { name: 'resurrecting', tone: '--line-2', values: values('resurrecting') },
          { name: 'dormant', tone: '--trouble', values: values('dormant') },
        ]}
        format={count}
        atLeast={4}
      />
      <Table
        label="Lifecycle"
        rows={periods.toReversed()}
        rowKey={({ from }) => from}
        columns={[
          {
            key: 'from',
            head: 'From',
            wide: true,
            cell: ({ from, complete }) => (complete ? from : `${from}, so far`),
          },
          { key: 'new', head: 'New', align: 'right', cell: (period) => count(period.new) },
          { key: 'returning', head: 'Returning', align: 'right', cell: ({ returning }) => count(returning) },
          {
            key: 'resurrecting',
            head: 'Resurrecting',
            align: 'right',
            cell: ({ resurrecting }) => count(resurrecting),
          },
          { key: 'dormant', head: 'Dormant', align: 'right', cell: ({ dormant }) => count(dormant) },
        ]}
      />
      <p class="definition">
        New: there for the first time ever. Returning: there, and in the {by} before, too. Resurrecting: there, not in
        the {by} before, but earlier. Dormant: not there, but in the {by} before; while a {by} is not over, these are
        too many.
      </p>
    </Card>
  )
}
