import { Card } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import { Choice, Search } from '../../parts/filters.tsx'
import { count, duration } from '../../parts/format.ts'
import { Empty, Loaded } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type Range, selectionOf, type Selection, textOf, type TrendReport, useTrend } from './api.ts'
import { Download } from './download.tsx'
import { PickEvent } from './pick-event.tsx'
import { PickPeriod } from './pick-period.tsx'

const TONES = ['--line-3', '--line-2', '--line-1'] as const

export function Trend({ names, range }: { names: string[]; range: Range }) {
  const [query, setQuery] = useQuery()
  const given = (query['events'] ?? '').split(',').filter(Boolean).map(selectionOf)
  const events = given.length > 0 ? given : names.slice(0, 1).map((event) => ({ event }))
  const change = (next: (Selection | undefined)[]): void =>
    setQuery({ events: next.flatMap((one) => (one ? [textOf(one)] : [])).join(',') || undefined })
  return (
    <>
      <Card title="Events">
        <div class="builder">
          {[...events, undefined].slice(0, 10).map((one, i) => (
            <PickEvent
              key={`${i} ${one?.event}`}
              label={`${i + 1}.`}
              names={names}
              selection={one}
              none={one ? '– leave out –' : '– add an event –'}
              onChange={(chosen) => change(i < events.length ? events.with(i, chosen!) : [...events, chosen!])}
            />
          ))}
          <div class="fields">
            <PickPeriod periods={['day', 'week', 'month', 'hour']} />
            <Choice
              label="Count"
              parameter="count"
              options={[
                ['events', 'events'],
                ['people', 'people'],
              ]}
            />
            <Search label="Split by" parameter="breakdown" placeholder="property" />
          </div>
        </div>
      </Card>
      {events.length === 0 ? <Empty title="Choose an event." /> : <Answer events={events} range={range} />}
    </>
  )
}

function Answer({ events, range }: { events: Selection[]; range: Range }) {
  const [query] = useQuery()
  const asked = useTrend({
    ...range,
    events,
    by: (query['by'] ?? 'day') as 'day',
    count: (query['count'] ?? 'events') as 'events',
    ...(query['breakdown'] && { breakdown: query['breakdown'] }),
  })
  return (
    <Loaded asked={asked}>
      {(report) => {
        const series = report.series.toSorted((a, b) => b.total - a.total)
        const times = report.times.map((time) => Date.parse(time.length === 10 ? `${time}T00:00` : time))
        return (
          <Card
            title="Trend"
            note={`${report.timeZone}; answered in ${duration(report.tookMs)}`}
            tools={<Download name="trend" rows={csv(report)} />}
          >
            <Chart
              title="Trend"
              times={times}
              lines={series.slice(0, 3).map((one, i) => ({ name: nameOf(one), tone: TONES[i]!, values: one.counts }))}
              format={count}
              atLeast={4}
            />
            <Table
              label="Totals"
              rows={series}
              rowKey={nameOf}
              columns={[
                { key: 'event', head: 'Event', wide: true, cell: nameOf },
                { key: 'total', head: 'Total', align: 'right', cell: ({ total }) => count(total) },
                { key: 'last', head: 'Last', align: 'right', cell: ({ counts }) => count(counts.at(-1) ?? 0) },
              ]}
            />
          </Card>
        )
      }}
    </Loaded>
  )
}

function nameOf({ event, value }: TrendReport['series'][number]): string {
  return value === undefined ? event : `${event}, ${value ?? '(without)'}`
}

function csv({ times, series }: TrendReport): (string | number)[][] {
  return [['time', ...series.map(nameOf)], ...times.map((time, i) => [time, ...series.map(({ counts }) => counts[i]!)])]
}
