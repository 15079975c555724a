import { Card } from '../../parts/card.tsx'
import { Chart, type Line } from '../../parts/chart.tsx'
import { useWindow, WindowChoice } from '../../parts/filters.tsx'
import { count, percent, rate } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { type BusinessMetric, useBusiness } from './api.ts'

export function BusinessPage() {
  const { minutes, words } = useWindow()
  const asked = useBusiness(minutes)
  return (
    <>
      <PageHead title="Business">
        <WindowChoice />
      </PageHead>
      <Loaded
        asked={asked}
        empty={(metrics) =>
          metrics.length === 0 && (
            <Empty title="No business metrics.">
              <p>
                <code>m.metric('order_success_rate', {"{ kind: 'ratio', help: '…' }"})</code> in a module declares one;{' '}
                <code>record(true)</code> where it is decided counts it.
              </p>
            </Empty>
          )
        }
      >
        {(metrics) => metrics.map((metric) => <Metric key={metric.name} metric={metric} words={words} />)}
      </Loaded>
    </>
  )
}

const TITLES = { counter: 'Counted', ratio: 'Share that went well', distribution: 'Values' }

function Metric({ metric, words }: { metric: BusinessMetric; words: string }) {
  const { name, kind, help, points, by } = metric
  const format = formatOf(metric)
  const lines: Line[] =
    kind === 'distribution'
      ? [
          { name: 'median', tone: '--line-1', values: points.map(({ value }) => value) },
          { name: 'p95', tone: '--line-2', values: points.map(({ p95 }) => p95 ?? null) },
        ]
      : [
          {
            name: kind === 'ratio' ? 'went well' : 'counted',
            tone: '--line-1',
            values: points.map(({ value }) => value),
          },
        ]
  const of = kind === 'counter' ? '' : ` of ${count(metric.count)}`
  return (
    <Card
      title={name}
      note={`${metric.value === null ? 'nothing recorded' : `${format(metric.value)}${of}`}, ${words}`}
    >
      <p class="note lines">{help}</p>
      <Chart
        title={TITLES[kind]}
        times={points.map(({ time }) => time)}
        lines={lines}
        format={format}
        atLeast={kind === 'ratio' ? 1 : 0}
      />
      {by.length > 0 && (
        <Table
          label={`${name} by dimension`}
          columns={columnsOf(metric, format)}
          rows={by}
          rowKey={({ labels }) => JSON.stringify(labels)}
        />
      )}
    </Card>
  )
}

type Row = BusinessMetric['by'][number]

function columnsOf({ kind, by }: BusinessMetric, format: (value: number) => string): Column<Row>[] {
  const names = [...new Set(by.flatMap(({ labels }) => Object.keys(labels)))]
  return [
    ...names.map((name): Column<Row> => ({
      key: name,
      head: name,
      wide: true,
      cell: ({ labels }) => labels[name] ?? '–',
    })),
    { key: 'value', head: 'Value', align: 'right', cell: ({ value }) => (value === null ? '–' : format(value)) },
    ...(kind === 'counter'
      ? []
      : [{ key: 'count', head: 'Of', align: 'right', cell: ({ count: n }) => count(n) } satisfies Column<Row>]),
  ]
}

function formatOf({ kind, unit }: BusinessMetric): (value: number) => string {
  if (kind === 'ratio') return percent
  const suffix = unit === '1' || unit.startsWith('{') ? '' : ` ${unit}`
  return (value) => `${kind === 'counter' ? count(value) : rate(value)}${suffix}`
}
