import { Card, Facts, Stat } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import { useWindow, WindowChoice } from '../../parts/filters.tsx'
import { bytes, count, duration, percent, rate } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { Time, useNow } from '../../parts/time.tsx'
import { AdviceLine } from '../advice/line.tsx'
import { type Overview, type OverviewPoint, useOverview } from './api.ts'
import { Bindings, Processes } from './what-runs.tsx'
import { troubleIn } from './trouble.ts'

export function OverviewPage() {
  const { minutes, words } = useWindow()
  const asked = useOverview(minutes)
  return (
    <>
      <PageHead title="Overview">
        <WindowChoice />
      </PageHead>
      <Loaded asked={asked}>
        {(overview) => (
          <>
            <Verdict overview={overview} />
            <AdviceLine />
            <Totals overview={overview} words={words} />
            {overview.series.length < 2 ? (
              <Empty title="No measurements yet.">
                <p>The first point comes ten seconds after the start; send the app some requests meanwhile.</p>
              </Empty>
            ) : (
              <Charts series={overview.series} />
            )}
            <div class="columns uneven">
              <Processes processes={overview.processes} />
              <Bindings bindings={overview.bindings} />
            </div>
            <Stores overview={overview} />
          </>
        )}
      </Loaded>
    </>
  )
}

function Verdict({ overview }: { overview: Overview }) {
  const troubles = troubleIn(overview, useNow())
  const { stage, startedAt } = overview
  return (
    <section class="verdict" aria-label="State">
      <p>
        Stage {stage.number}, <b>{stage.name}</b>. Started <Time at={startedAt} />.
        {troubles.length === 0 && <> Nothing needs attention.</>}
      </p>
      {troubles.length > 0 && (
        <ul class="troubles">
          {troubles.map(({ says, href }) => (
            <li key={says}>{href ? <a href={href}>{says}</a> : says}</li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Totals({ overview, words }: { overview: Overview; words: string }) {
  const { totals, jobs } = overview
  const failing = totals.requests > 0 ? totals.errors / totals.requests : 0
  const latency = (ms: number): string => (totals.requests > 0 ? duration(ms) : '–')
  return (
    <div class="stats">
      <Stat
        name="Requests"
        value={`${rate(totals.requestsPerSecond)}/s`}
        detail={`${count(totals.requests)} in the ${words}`}
        href="/requests"
      />
      <Stat name="p50" value={latency(totals.p50)} detail="half are faster" />
      <Stat name="p95" value={latency(totals.p95)} detail="1 in 20 is slower" />
      <Stat name="p99" value={latency(totals.p99)} detail="1 in 100 is slower" />
      <Stat
        name="Errors"
        value={percent(failing)}
        detail={`${count(totals.errors)} requests`}
        trouble={failing > 0.01}
        href="/requests?kind=request&error=1"
      />
      <Stat name="Jobs waiting" value={count(jobs.waiting)} detail={`${count(jobs.running)} running`} href="/jobs" />
      <Stat
        name="Dead jobs"
        value={count(jobs.dead)}
        detail="out of attempts"
        trouble={jobs.dead > 0}
        href="/jobs?state=dead"
      />
    </div>
  )
}

function Charts({ series }: { series: OverviewPoint[] }) {
  const times = series.map((point) => point.time)
  // Long windows come in coarser points.
  const seconds = (times[1]! - times[0]!) / 1000
  // A time without requests has no latency: a gap, not a zero.
  const latency = (key: 'p50' | 'p95' | 'p99') => series.map((point) => (point.requests > 0 ? point[key] : null))
  return (
    <section class="charts" aria-labelledby="over-time">
      <h2 id="over-time" class="unseen">
        Over time
      </h2>
      <Chart
        title="Requests"
        times={times}
        lines={[
          { name: 'per second', tone: '--line-3', filled: true, values: series.map((p) => p.requests / seconds) },
        ]}
        format={(n) => `${rate(n)}/s`}
        atLeast={1}
      />
      <Chart
        title="Latency"
        times={times}
        lines={[
          { name: 'p50', tone: '--line-1', values: latency('p50') },
          { name: 'p95', tone: '--line-2', values: latency('p95') },
          { name: 'p99', tone: '--line-3', values: latency('p99') },
        ]}
        format={duration}
        atLeast={10}
      />
      <Chart
        title="Errors"
        times={times}
        lines={[{ name: 'per second', tone: '--trouble', values: series.map((p) => p.errors / seconds) }]}
        format={(n) => `${rate(n)}/s`}
        atLeast={0.2}
      />
      <Chart
        title="Event loop busy"
        times={times}
        lines={[{ name: 'busy', tone: '--line-3', filled: true, values: series.map((p) => p.eventLoopUtilization) }]}
        format={percent}
        atLeast={0.25}
      />
      <Chart
        title="CPU"
        times={times}
        lines={[{ name: 'of one core', tone: '--line-3', filled: true, values: series.map((p) => p.cpuPercent / 100) }]}
        format={percent}
        atLeast={0.25}
      />
      <Chart
        title="Memory"
        times={times}
        lines={[{ name: 'resident', tone: '--line-3', filled: true, values: series.map((p) => p.memoryBytes) }]}
        format={bytes}
        atLeast={100e6}
      />
    </section>
  )
}

function Stores({ overview: { database, jobs, telemetry, backup } }: { overview: Overview }) {
  const last = backup?.last
  return (
    <div class="columns three">
      <Card title="Database">
        <Facts
          facts={[
            ['Server', /^\d/.test(database.version) ? `Postgres ${database.version}` : database.version],
            ['Size', bytes(database.sizeBytes)],
            ['Connections', `${database.connections} of ${database.maxConnections}`],
            ['Read from memory', percent(database.cacheHitRatio)],
            ['Last backup', last ? <Backup last={last} /> : backup ? 'none' : 'not scheduled'],
            ['Any moment until', backup?.log ? <Time at={Date.parse(backup.log.at)} /> : '–'],
          ]}
        />
      </Card>
      <Card title="Jobs">
        <Facts
          facts={[
            ['Waiting', count(jobs.waiting)],
            ['Oldest has waited', jobs.waiting > 0 ? duration(jobs.oldestWaitingMs) : '–'],
            ['Running', count(jobs.running)],
            ['Dead', count(jobs.dead)],
          ]}
        />
      </Card>
      <Card title="Cost of measuring">
        <Facts
          facts={[
            ['Rows stored', count(telemetry.storedRows)],
            ['Space', bytes(telemetry.storeBytes)],
            ['Last write took', duration(telemetry.flushMs)],
            ['Of the time of statements', telemetry.share === undefined ? 'not counted' : percent(telemetry.share)],
            ['Traces dropped', count(telemetry.droppedTraces)],
          ]}
        />
      </Card>
    </div>
  )
}

function Backup({ last: { finishedAt, size } }: { last: NonNullable<NonNullable<Overview['backup']>['last']> }) {
  return (
    <>
      <Time at={Date.parse(finishedAt)} />, {bytes(size)}
    </>
  )
}
