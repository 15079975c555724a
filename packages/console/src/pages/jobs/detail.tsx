import type { ComponentChildren } from 'preact'
import { useLocation, useRoute } from 'preact-iso'
import { useState } from 'preact/hooks'
import { Card, Facts } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { duration, exact, percent } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { change, eventsOf, type JobDetail, useJob } from './api.ts'
import { State } from './state.tsx'

export function JobDetailPage() {
  const { params } = useRoute()
  const asked = useJob(params['id'] ?? '')
  return (
    <>
      <PageHead title={asked.data ? <code>{asked.data.name}</code> : 'Job'} back={['/jobs', 'Jobs']}>
        {asked.data && asked.data.sharedRow === undefined && <Actions job={asked.data} onChanged={asked.refresh} />}
      </PageHead>
      <Loaded asked={asked}>{(job) => <Job job={job} />}</Loaded>
    </>
  )
}

type Action = 'retry' | 'discard' | 'cancel'

const SAID: Record<Action, string> = {
  retry: 'It is back in the queue.',
  discard: 'It is gone.',
  cancel: 'It is being cancelled.',
}

function Actions({ job, onChanged }: { job: JobDetail; onChanged(): void }) {
  const [asking, setAsking] = useState<Action>()
  const [said, setSaid] = useState('')
  const { route } = useLocation()
  const close = (): void => setAsking(undefined)
  const confirm = async (action: Action): Promise<void> => {
    const { done } = await change(job.id, action)
    if (done && action === 'discard') return route('/jobs')
    setSaid(done ? SAID[action] : 'Nothing was done: its state had changed meanwhile.')
    onChanged()
  }
  const canRetry = job.state === 'dead' || job.state === 'delayed'
  const canDiscard = job.state === 'dead' || job.state === 'waiting' || job.state === 'delayed'
  const canCancel = ['waiting', 'delayed', 'blocked', 'running'].includes(job.state)
  return (
    <>
      <span class="note" role="status">
        {said}
      </span>
      {canRetry && (
        <button type="button" class="button acts" onClick={() => setAsking('retry')}>
          {job.state === 'dead' ? 'Retry…' : 'Run now…'}
        </button>
      )}
      {canDiscard && (
        <button type="button" class="button acts" onClick={() => setAsking('discard')}>
          Discard…
        </button>
      )}
      {canCancel && (
        <button type="button" class="button acts" onClick={() => setAsking('cancel')}>
          Cancel…
        </button>
      )}
      {asking === 'cancel' && (
        <Confirm title="Cancel this job?" action="Cancel job" onConfirm={() => confirm('cancel')} onClose={close}>
          <Together job={job} />
          <p>
            {job.state === 'running'
              ? 'Its code is told to stop, by its signal, in whatever process it runs. What it has done already stays done.'
              : 'It will not run. It stays in the list as cancelled.'}
          </p>
        </Confirm>
      )}
      {asking === 'retry' && (
        <Confirm title="Run this job again?" action="Run job again" onConfirm={() => confirm('retry')} onClose={close}>
          <Together job={job} />
          <p>
            <code>{job.name}</code> goes back to the queue, with all its attempts, and runs as soon as a worker is free.
            What its earlier attempts already did is not undone: it may send or charge a second time unless the job
            guards against that.
          </p>
          <p>Until it starts you can still discard it.</p>
        </Confirm>
      )}
      {asking === 'discard' && (
        <Confirm
          title="Discard this job for good?"
          action="Discard job"
          final
          onConfirm={() => confirm('discard')}
          onClose={close}
        >
          <Together job={job} />
          <p>
            <code>{job.name}</code> will never run{job.attempt > 0 ? ' again' : ''}, and its input and errors are
            deleted. <b>This cannot be undone.</b> Copy the input first if it may have to be enqueued anew.
          </p>
        </Confirm>
      )}
    </>
  )
}

/** Before somebody takes many for one. */
function Together({ job: { events } }: { job: JobDetail }) {
  if (events === undefined) return null
  return (
    <p>
      <b>It carries {eventsOf(events)}</b>, and this is for all of them.
    </p>
  )
}

function Job({ job }: { job: JobDetail }) {
  return (
    <>
      <Card title="State" note={<code>{job.id}</code>}>
        <Facts
          facts={[
            ['State', <State state={job.state} />],
            ...(job.events === undefined ? [] : [['Carries', eventsOf(job.events)] as [string, string]]),
            ...(job.sharedRow === undefined
              ? []
              : [['Shares', <Shared row={job.sharedRow} />] as [string, ComponentChildren]]),
            ['Attempt', `${job.attempt} of ${job.maxAttempts}`],
            ['Enqueued', exact(job.createdAt)],
            [job.state === 'delayed' ? 'Runs' : 'Due', <Time at={job.runAt} />],
            ['Finished', job.finishedAt === undefined ? '–' : exact(job.finishedAt)],
            ['Took', job.durationMs === undefined ? '–' : duration(job.durationMs)],
            ['Priority', `${job.priority}`],
            ...(job.progress === undefined ? [] : [['Progress', percent(job.progress)] as [string, string]]),
            ...(job.uniqueKey ? [['Unique key', job.uniqueKey] as [string, string]] : []),
            ...(job.concurrencyKey ? [['Concurrency key', job.concurrencyKey] as [string, string]] : []),
            ...(job.tenant ? [['Tenant', job.tenant] as [string, string]] : []),
            ...(job.after?.length ? [['After', <Before ids={job.after} />] as [string, ComponentChildren]] : []),
            ['Trace', job.traceId ? <a href={`/requests/${encodeURIComponent(job.traceId)}`}>show</a> : '–'],
          ]}
        />
      </Card>
      {job.steps && job.steps.length > 0 && <Steps steps={job.steps} />}
      <Card title="Failed attempts" note={job.errors.length > 0 ? `${job.errors.length}` : ''}>
        {job.errors.length === 0 ? (
          <Empty title="No attempt has failed." />
        ) : (
          <ol class="attempts">
            {job.errors.toReversed().map((error) => (
              <li key={`${error.attempt} ${error.at}`}>
                <span class="note">
                  Attempt {error.attempt}, <Time at={error.at} />
                </span>
                <pre class="trouble">{error.message}</pre>
              </li>
            ))}
          </ol>
        )}
      </Card>
      <div class="columns">
        <Json title="Input" value={job.payload} none="It has no input." />
        <Json
          title="Result"
          value={job.result}
          none={job.state === 'done' ? 'It returned nothing.' : 'It has not succeeded.'}
        />
      </div>
    </>
  )
}

/** Jobs that have to be done first. */
/** What shares a row is changed together with the others. */
function Shared({ row }: { row: string }) {
  return (
    <>
      <a href={`/jobs/${encodeURIComponent(row)}`}>a row with other events</a>, which are cancelled or discarded
      together
    </>
  )
}

function Before({ ids }: { ids: string[] }) {
  return (
    <>
      {ids.map((id, i) => (
        <>
          {i > 0 && ', '}
          <a key={id} href={`/jobs/${encodeURIComponent(id)}`}>
            {id}
          </a>
        </>
      ))}
    </>
  )
}

/** What is kept of a job in steps: a retry goes on after the last one. */
function Steps({ steps }: { steps: NonNullable<JobDetail['steps']> }) {
  return (
    <Card title="Steps" note="done, and not done again by a retry">
      <Table
        label="Steps"
        rows={steps}
        rowKey={({ name }) => name}
        columns={[
          { key: 'name', head: 'Step', cell: ({ name }) => <code>{name}</code> },
          { key: 'result', head: 'Result', wide: true, cell: ({ result }) => JSON.stringify(result) ?? '' },
          { key: 'at', head: 'Finished', align: 'right', cell: ({ finishedAt }) => <Time at={finishedAt} /> },
        ]}
      />
    </Card>
  )
}

function Json({ title, value, none }: { title: string; value: unknown; none: string }) {
  if (value === undefined || value === null) {
    return (
      <Card title={title}>
        <Empty title={none} />
      </Card>
    )
  }
  const text = JSON.stringify(value, null, 2)
  return (
    <Card title={title} tools={<Copy text={text} label="Copy JSON" />}>
      <pre>{text}</pre>
    </Card>
  )
}
