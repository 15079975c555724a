import { Badge, Card } from '../../parts/card.tsx'
import { count } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useEndpoints, type WebhookEndpointRow } from './api.ts'

export function WebhooksPage() {
  const asked = useEndpoints()
  return (
    <>
      <PageHead title="Webhooks" />
      <Loaded
        asked={asked}
        empty={(rows) =>
          rows.length === 0 && (
            <Empty title="No endpoints.">
              <p>
                What <code>hooks.endpoints.add(…)</code> of a module with webhooks has added is shown here, with all
                that was sent to it.
              </p>
            </Empty>
          )
        }
      >
        {(rows) => (
          <Card title="Endpoints" note="those that fail first">
            <Table
              label="Endpoints"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ id }) => id}
              href={({ module, id }) => `/webhooks/${encodeURIComponent(module)}/${encodeURIComponent(id)}`}
            />
          </Card>
        )}
      </Loaded>
    </>
  )
}

export function Health({ row }: { row: WebhookEndpointRow }) {
  if (row.disabledAt !== undefined) return <Badge tone="trouble">disabled</Badge>
  if (row.failingSince !== undefined) return <Badge tone="warning">failing</Badge>
  return <Badge>well</Badge>
}

const COLUMNS: Column<WebhookEndpointRow>[] = [
  { key: 'url', head: 'URL', wide: true, cell: ({ url }) => <code>{url}</code> },
  { key: 'state', head: 'State', cell: (row) => <Health row={row} /> },
  { key: 'module', head: 'Module', hide: 'phone', cell: ({ module }) => module },
  { key: 'owner', head: 'Owner', hide: 'narrow', cell: ({ owner }) => owner || <span class="faint">–</span> },
  {
    key: 'failures',
    head: 'Failures',
    align: 'right',
    hint: 'Attempts that failed since the last one that arrived',
    cell: ({ failures }) => <span class={failures > 0 ? 'warning' : 'faint'}>{count(failures)}</span>,
  },
  {
    key: 'since',
    head: 'Since',
    align: 'right',
    hide: 'phone',
    cell: ({ disabledAt, failingSince, createdAt }) => <Time at={disabledAt ?? failingSince ?? createdAt} />,
  },
]
