import { Card, Stat } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import { count, duration, percent } from '../../parts/format.ts'
import { Loaded } from '../../parts/states.tsx'
import { type ActivityReport, type Range, useActivity } from './api.ts'
import { Download } from './download.tsx'

export function Activity({ range }: { names: string[]; range: Range }) {
  const asked = useActivity(range)
  return (
    <Loaded asked={asked}>
      {(report) => {
        const [daily = 0, weekly = 0, monthly = 0] = [report.daily, report.weekly, report.monthly].map((days) =>
          days.at(-1),
        )
        return (
          <>
            <div class="stats">
              <Stat name="Today" value={count(daily)} detail="people so far" />
              <Stat name="7 days" value={count(weekly)} detail="people, with today" />
              <Stat name="28 days" value={count(monthly)} detail="people, with today" />
              <Stat
                name="Stickiness"
                value={percent(stickinessOf(report))}
                detail="of the 28 days’ people on a mean day"
              />
            </div>
            <Card
              title="Active people"
              note={`${report.timeZone}; answered in ${duration(report.tookMs)}`}
              tools={<Download name="activity" rows={csv(report)} />}
            >
              <Chart
                title="People"
                times={report.days.map((day) => Date.parse(`${day}T00:00`))}
                lines={[
                  { name: '28 days', tone: '--line-1', values: report.monthly },
                  { name: '7 days', tone: '--line-2', values: report.weekly },
                  { name: 'day', tone: '--line-3', values: report.daily, filled: true },
                ]}
                format={count}
                atLeast={4}
              />
              <p class="definition">
                People with any event on that day, or on any of the 7 or 28 days that end with it. 28 days are four
                whole weeks, so that weekends weigh the same on every day.
              </p>
            </Card>
            <Card title="Days with a visit" note="how many people were there on how many days of the range">
              <Histogram counts={report.stickiness} />
            </Card>
          </>
        )
      }}
    </Loaded>
  )
}

function Histogram({ counts }: { counts: number[] }) {
  const most = Math.max(1, ...counts)
  return (
    <ol class="funnel">
      {counts.map((n, i) => (
        <li key={i}>
          <span class="funnel-name">
            {i + 1} {i === 0 ? 'day' : 'days'}
          </span>
          <span class="funnel-bar" style={{ '--share': n / most }} aria-hidden="true" />
          <span class="funnel-count">
            <b>{count(n)}</b>
          </span>
        </li>
      ))}
    </ol>
  )
}

function stickinessOf({ daily, monthly }: ActivityReport): number {
  const shares = daily.map((n, i) => (monthly[i] ? n / monthly[i] : 0)).slice(-28)
  return shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length)
}

function csv({ days, daily, weekly, monthly }: ActivityReport): (string | number)[][] {
  return [['day', 'daily', 'weekly', 'monthly'], ...days.map((day, i) => [day, daily[i]!, weekly[i]!, monthly[i]!])]
}
