import type { ComponentChildren } from 'preact'
import { useRoute } from 'preact-iso'
import { useState } from 'preact/hooks'
import { Badge, Card, Facts } from '../../parts/card.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { count } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import {
  enable,
  replay,
  retry,
  useEndpoint,
  type WebhookDeliveryRow,
  type WebhookEndpointDetail,
  type WebhookEndpointRow,
} from './api.ts'
import { Health } from './page.tsx'

export function WebhookEndpointPage() {
  const { params } = useRoute()
  const asked = useEndpoint({ module: params['module'] ?? '', id: params['id'] ?? '' })
  return (
    <>
      <PageHead title="Webhook endpoint" back={['/webhooks', 'Webhooks']} />
      <Loaded asked={asked}>{(detail) => <Detail {...detail} onChanged={asked.refresh} />}</Loaded>
    </>
  )
}

type Asking = { what: 'enable' } | { what: 'replay' } | { what: 'retry'; delivery: WebhookDeliveryRow }

function Detail({ endpoint, deliveries, onChanged }: WebhookEndpointDetail & { onChanged(): void }) {
  const [asking, setAsking] = useState<Asking>()
  const [jobId, setJobId] = useState<string>()
  const missed = deliveries.filter(({ deliveredAt }) => deliveredAt === undefined)
  const done = (job?: { jobId: string }): void => {
    if (job) setJobId(job.jobId)
    onChanged()
  }
  return (
    <>
      <Card
        title={endpoint.url}
        tools={
          <>
            <span role="status">{jobId && <a href={`/jobs/${encodeURIComponent(jobId)}`}>It is being sent</a>}</span>
            {endpoint.disabledAt !== undefined && (
              <button type="button" class="button acts" onClick={() => setAsking({ what: 'enable' })}>
                Enable…
              </button>
            )}
            <button type="button" class="button acts" onClick={() => setAsking({ what: 'replay' })}>
              Replay…
            </button>
          </>
        }
      >
        <Facts facts={factsOf(endpoint)} />
      </Card>
      <Card title="Deliveries" note="newest first">
        {deliveries.length === 0 ? (
          <Empty title="Nothing was sent to it." />
        ) : (
          <Table
            label="Deliveries"
            columns={columns((delivery) => setAsking({ what: 'retry', delivery }))}
            rows={deliveries}
            rowKey={({ id }) => id}
          />
        )}
      </Card>
      {asking && <Ask asking={asking} {...{ endpoint, missed }} onDone={done} onClose={() => setAsking(undefined)} />}
    </>
  )
}

function factsOf(endpoint: WebhookEndpointRow): [string, ComponentChildren][] {
  const { module, owner, events, failures, failingSince, disabledWhy, createdAt } = endpoint
  return [
    [
      'State',
      <>
        <Health row={endpoint} /> {disabledWhy}
      </>,
    ],
    ['Failing since', failingSince === undefined ? '–' : <Time at={failingSince} />],
    ['Failures', count(failures)],
    ['Types', events.length === 0 ? 'all' : events.join(', ')],
    ['Module', module],
    ['Owner', owner || '–'],
    ['Added', <Time at={createdAt} />],
  ]
}

interface AskProps {
  asking: Asking
  endpoint: WebhookEndpointRow
  missed: readonly WebhookDeliveryRow[]
  onDone(job?: { jobId: string }): void
  onClose(): void
}

const DAY_MS = 86_400_000

function Ask({ asking, endpoint, missed, onDone, onClose }: AskProps) {
  switch (asking.what) {
    case 'enable':
      return (
        <Confirm
          title="Send webhooks to it again?"
          action="Enable endpoint"
          onConfirm={() => enable(endpoint).then(() => onDone())}
          onClose={onClose}
        >
          <p>From now on. What it has missed meanwhile is sent by a replay.</p>
        </Confirm>
      )
    case 'replay': {
      const since = Math.min(endpoint.disabledAt ?? Infinity, missed.at(-1)?.createdAt ?? Date.now() - DAY_MS)
      return (
        <Confirm
          title="Send what has not arrived once more?"
          action="Replay"
          onConfirm={() => replay(endpoint, since, false).then(onDone)}
          onClose={onClose}
        >
          <p>
            All that was sent since <Time at={since} /> and has not arrived goes out again, under the same ids.
          </p>
          {endpoint.disabledAt !== undefined && <p>The endpoint is disabled: enable it first, or nothing is sent.</p>}
        </Confirm>
      )
    }
    case 'retry':
      return (
        <Confirm
          title={`Send this ${asking.delivery.type} again?`}
          action="Send it"
          onConfirm={() => retry(endpoint.module, asking.delivery.id).then(onDone)}
          onClose={onClose}
        >
          <p>
            {asking.delivery.deliveredAt === undefined
              ? 'It goes out at once, with the attempts of a new one.'
              : 'It has arrived already. The receiver sees the same id again.'}
          </p>
        </Confirm>
      )
  }
}

const columns = (again: (delivery: WebhookDeliveryRow) => void): Column<WebhookDeliveryRow>[] => [
  { key: 'type', head: 'Type', cell: ({ type }) => <code>{type}</code> },
  {
    key: 'state',
    head: 'State',
    cell: ({ deliveredAt, attempts }) =>
      deliveredAt !== undefined ? (
        <Badge>arrived</Badge>
      ) : attempts === 0 ? (
        <Badge tone="active">waiting</Badge>
      ) : (
        <Badge tone="warning">not yet</Badge>
      ),
  },
  {
    key: 'problem',
    head: 'Last answer',
    wide: true,
    hide: 'phone',
    cell: ({ status, problem, answer }) => (
      <span class={problem ? 'trouble' : 'faint'} title={answer}>
        {problem ?? status}
      </span>
    ),
  },
  { key: 'attempts', head: 'Attempts', align: 'right', hide: 'phone', cell: ({ attempts }) => count(attempts) },
  { key: 'created', head: 'Sent', align: 'right', cell: ({ createdAt }) => <Time at={createdAt} /> },
  {
    key: 'again',
    head: '',
    align: 'right',
    cell: (delivery) => (
      <button
        type="button"
        class="button small acts"
        aria-label={`Send ${delivery.id} again`}
        onClick={() => again(delivery)}
      >
        Again…
      </button>
    ),
  },
]
