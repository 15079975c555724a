import { Badge, Card, Facts, Stat } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import { Choice } from '../../parts/filters.tsx'
import { count, duration, percent } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type LoadRunView, type LoadStepView, useComparison, useLoadRuns } from './api.ts'

export function LoadPage() {
  const [query] = useQuery()
  return (
    <>
      <PageHead title="Load" />
      <Loaded
        asked={useLoadRuns()}
        empty={(runs) =>
          runs.length === 0 && (
            <Empty title="No load was run in this project.">
              <p>
                <code>tenfold load</code> sends visitors as they come and finds where the app breaks. Its last runs are
                shown here.
              </p>
            </Empty>
          )
        }
      >
        {(runs) => {
          const chosen = runs.find(({ id }) => id === query['run']) ?? runs[0]!
          const others = runs.filter((run) => run !== chosen && run.scenario === chosen.scenario)
          const before = others.find(({ id }) => id === query['before'])
          return (
            <>
              <Run run={chosen} />
              {others.length > 0 && (
                <Card title="Compared">
                  <div class="builder">
                    <div class="fields">
                      <Choice
                        label="With"
                        parameter="before"
                        options={[
                          ['', 'no other run'],
                          ...others.map(({ id, release }): [string, string] => [
                            id,
                            release === undefined ? id : `${id}, ${release}`,
                          ]),
                        ]}
                      />
                    </div>
                  </div>
                  {before && <Comparison before={before.id} after={chosen.id} />}
                </Card>
              )}
              <Card title="Last runs">
                <Table
                  label="Load runs"
                  columns={COLUMNS}
                  rows={runs}
                  rowKey={({ id }) => id}
                  href={({ id }) => `/load?run=${encodeURIComponent(id)}`}
                  current={(run) => run === chosen}
                  sorting={{ parameter: 'sort', initial: 'at' }}
                />
              </Card>
            </>
          )
        }}
      </Loaded>
    </>
  )
}

function Run({ run }: { run: LoadRunView }) {
  const { id, at, scenario, release, url, seconds, requests, p50, p95, p99, errorShare, valid, series } = run
  const times = series.map(({ time }) => time)
  return (
    <>
      <div class="stats">
        <Stat name="Requests" value={count(requests)} detail={`in ${duration(seconds * 1000)}`} />
        <Stat name="p50" value={duration(p50)} detail="from when the visitor was due" />
        <Stat name="p95" value={duration(p95)} detail={`p99 ${duration(p99)}`} />
        <Stat name="Errors" value={percent(errorShare)} detail="of the requests" />
      </div>
      <Card title={scenario} note={id}>
        <Facts
          facts={[
            ['Result', valid ? <Badge tone="active">valid</Badge> : <Badge tone="trouble">not valid</Badge>],
            ['When', <Time at={at} />],
            ['Asked', <code>{url}</code>],
            ...(release === undefined ? [] : [['Release', release] as [string, string]]),
          ]}
        />
        <div class="finding">
          {run.words.map((line) => (
            <p key={line}>{line}</p>
          ))}
          {run.thresholds.map(({ name, most, value, holds }) => (
            <p key={name} class={holds ? '' : 'trouble'}>
              {name}: {Number(value.toPrecision(3))} of at most {most}
            </p>
          ))}
          {run.notes.map((note) => (
            <p class="note" key={note}>
              {note}
            </p>
          ))}
        </div>
        {times.length > 1 && (
          <>
            <Chart
              title="Visitors a second"
              times={times}
              lines={[
                { name: 'done', tone: '--line-3', filled: true, values: series.map(({ completed }) => completed) },
                { name: 'errors', tone: '--trouble', values: series.map(({ errors }) => errors) },
              ]}
              format={count}
              atLeast={4}
              leastSeconds={0}
            />
            <Chart
              title="Latency"
              times={times}
              lines={[
                { name: 'p50', tone: '--line-2', values: series.map((one) => (one.completed > 0 ? one.p50 : null)) },
                { name: 'p95', tone: '--line-3', values: series.map((one) => (one.completed > 0 ? one.p95 : null)) },
              ]}
              format={duration}
              atLeast={4}
              leastSeconds={0}
            />
          </>
        )}
        <Table
          label="Steps"
          columns={STEPS}
          rows={run.steps}
          rowKey={(step) => `${step.round} ${step.load} ${step.offered}`}
        />
      </Card>
    </>
  )
}

function Comparison({ before, after }: { before: string; after: string }) {
  return (
    <Loaded asked={useComparison(before, after)}>
      {({ verdict, lines }) => (
        <div class="finding" role="status">
          <p>
            <Badge tone={verdict === 'slower' ? 'trouble' : 'active'}>{verdict}</Badge>
          </p>
          {lines.map((line) => (
            <p key={line}>{line}</p>
          ))}
        </div>
      )}
    </Loaded>
  )
}

const cores = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(2))

const STEPS: Column<LoadStepView>[] = [
  { key: 'load', head: 'Load', cell: ({ load, valid }) => (valid ? load : `${load} (not valid)`), wide: true },
  { key: 'round', head: 'Round', align: 'right', hide: 'phone', cell: ({ round }) => count(round) },
  { key: 'achieved', head: 'Done a second', align: 'right', cell: ({ achieved }) => count(Math.round(achieved)) },
  { key: 'p50', head: 'p50', align: 'right', cell: ({ p50 }) => duration(p50) },
  { key: 'p95', head: 'p95', align: 'right', cell: ({ p95 }) => duration(p95) },
  { key: 'p99', head: 'p99', align: 'right', hide: 'phone', cell: ({ p99 }) => duration(p99) },
  { key: 'errors', head: 'Errors', align: 'right', cell: ({ errors }) => count(errors) },
  { key: 'app', head: 'App, cores', align: 'right', hide: 'narrow', cell: ({ appCpu }) => cores(appCpu) },
  { key: 'db', head: 'Database, cores', align: 'right', hide: 'narrow', cell: ({ databaseCpu }) => cores(databaseCpu) },
]

const COLUMNS: Column<LoadRunView>[] = [
  { key: 'at', head: 'When', cell: ({ at }) => <Time at={at} />, sort: ({ at }) => at },
  { key: 'scenario', head: 'Scenario', wide: true, cell: ({ scenario }) => scenario },
  { key: 'release', head: 'Release', hide: 'phone', cell: ({ release = '' }) => release },
  {
    key: 'requests',
    head: 'Requests',
    align: 'right',
    hide: 'phone',
    cell: ({ requests }) => count(requests),
    sort: ({ requests }) => requests,
  },
  { key: 'p95', head: 'p95', align: 'right', cell: ({ p95 }) => duration(p95), sort: ({ p95 }) => p95 },
  {
    key: 'errors',
    head: 'Errors',
    align: 'right',
    cell: ({ errorShare }) => percent(errorShare),
    sort: ({ errorShare }) => errorShare,
  },
]
