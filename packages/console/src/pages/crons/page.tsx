import { useState } from 'preact/hooks'
import { Card, Facts } from '../../parts/card.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { duration, exact } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { type CronRow, type CronRun, runNow, useCrons } from './api.ts'

export function CronsPage() {
  const asked = useCrons()
  return (
    <>
      <PageHead title="Crons" />
      <Loaded
        asked={asked}
        empty={(crons) =>
          crons.length === 0 && (
            <Empty title="No crons.">
              <p>
                <code>m.cron('delete-expired', '0 * * * *', {'{ run }'})</code> in a module makes one. It runs once per
                tick, however many processes there are.
              </p>
            </Empty>
          )
        }
      >
        {(crons) => crons.map((cron) => <Cron key={cron.name} cron={cron} onChanged={asked.refresh} />)}
      </Loaded>
    </>
  )
}

function Cron({ cron, onChanged }: { cron: CronRow; onChanged(): void }) {
  const [asking, setAsking] = useState(false)
  const [jobId, setJobId] = useState<string>()
  const last = cron.runs[0]
  const confirm = async (): Promise<void> => {
    setJobId((await runNow(cron.name)).jobId)
    onChanged()
  }
  return (
    <Card
      title={cron.name}
      note={
        <>
          {cron.description} <span class="faint">({cron.timeZone})</span>
        </>
      }
      tools={
        <>
          <span role="status">{jobId && <a href={`/jobs/${encodeURIComponent(jobId)}`}>It was started</a>}</span>
          <button type="button" class="button small acts" onClick={() => setAsking(true)}>
            Run now…
          </button>
        </>
      }
    >
      <Facts
        facts={[
          ['Schedule', <code>{cron.schedule}</code>],
          ['Next run', cron.nextAt === null ? 'never again' : <Time at={cron.nextAt} />],
          ['Last run', last ? <Time at={last.fireAt} /> : 'not yet'],
          ['Last took', last?.durationMs === undefined ? '–' : duration(last.durationMs)],
        ]}
      />
      {cron.runs.length > 0 && <History runs={cron.runs} />}
      {asking && (
        <Confirm title={`Run ${cron.name} now?`} action="Run cron" onConfirm={confirm} onClose={() => setAsking(false)}>
          <p>
            It runs once, in addition to its schedule, as soon as a worker is free. What it does cannot be undone from
            here.
          </p>
        </Confirm>
      )}
    </Card>
  )
}

/** One bar a run, oldest first, as high as it was long. */
function History({ runs }: { runs: CronRun[] }) {
  const oldestFirst = runs.toReversed()
  const longest = Math.max(...runs.map((run) => run.durationMs ?? 0), 1)
  return (
    <ol class="history" aria-label="Runs, oldest first">
      {oldestFirst.map((run) => {
        const took = run.durationMs === undefined ? run.state : `${run.state}, took ${duration(run.durationMs)}`
        const says = `${exact(run.fireAt)}: ${took}`
        return (
          <li key={run.jobId}>
            <a
              href={`/jobs/${encodeURIComponent(run.jobId)}`}
              class={`run ${run.state}`}
              title={says}
              aria-label={says}
            >
              <i style={{ '--share': Math.max((run.durationMs ?? 0) / longest, 0.12) }} />
            </a>
          </li>
        )
      })}
    </ol>
  )
}
