import { Badge, Card, Facts } from '../../parts/card.tsx'
import { useWindow, WindowChoice } from '../../parts/filters.tsx'
import { count, duration } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { type CallStats, type ModuleRow, type ModulesView, useCalls, useModules } from './api.ts'
import { Map } from './map.tsx'

export function ModulesPage() {
  const { minutes, words } = useWindow()
  const asked = useModules()
  const calls = useCalls(minutes)
  return (
    <>
      <PageHead title="Modules">
        <WindowChoice />
      </PageHead>
      <Loaded asked={asked}>
        {(view) => (
          <>
            <Card
              title="Map"
              note={`who calls whom, and how often in the ${words}; dashed: who listens to whose events`}
            >
              <Map modules={view.modules} calls={calls.data ?? []} />
            </Card>
            <Card title="Calls" note={words}>
              <Loaded
                asked={calls}
                empty={(rows) => rows.length === 0 && <Empty title={`No calls between modules in the ${words}.`} />}
              >
                {(rows) => (
                  <Table
                    label="Calls"
                    columns={CALL_COLUMNS}
                    rows={rows}
                    rowKey={(row) => `${row.caller} ${row.name}`}
                    sorting={{ parameter: 'sort', initial: 'calls' }}
                  />
                )}
              </Loaded>
            </Card>
            {view.modules.map((module) => (
              <ModuleCard key={module.name} module={module} />
            ))}
            <Configuration view={view} />
          </>
        )}
      </Loaded>
    </>
  )
}

const CALL_COLUMNS: Column<CallStats>[] = [
  { key: 'name', head: 'Method', wide: true, cell: (row) => row.name },
  { key: 'caller', head: 'Called by', cell: (row) => row.caller },
  { key: 'calls', head: 'Calls', align: 'right', cell: (row) => count(row.calls), sort: (row) => row.calls },
  {
    key: 'errors',
    head: 'Errors',
    align: 'right',
    hide: 'phone',
    cell: (row) => count(row.errors),
    sort: (row) => row.errors,
  },
  {
    key: 'mean',
    head: 'Mean',
    align: 'right',
    hide: 'phone',
    cell: (row) => duration(row.meanMs),
    sort: (row) => row.meanMs,
  },
  { key: 'p95', head: 'p95', align: 'right', cell: (row) => duration(row.p95), sort: (row) => row.p95 },
]

const PARTS = ['routes', 'jobs', 'crons', 'events', 'caches', 'metrics'] as const

function ModuleCard({ module }: { module: ModuleRow }) {
  const there = PARTS.filter((part) => module[part].length > 0)
  return (
    <Card title={module.name} note={module.served ? undefined : <Badge>answered elsewhere</Badge>}>
      <Facts facts={there.map((part) => [part, module[part].join(', ')])} />
    </Card>
  )
}

function Configuration({ view: { roles, variables, config } }: { view: ModulesView }) {
  return (
    <>
      <Card title="Environment" note={`this process: ${roles.join(', ')}; secrets are hidden`}>
        <Table
          label="Environment"
          rows={variables}
          rowKey={({ name }) => name}
          columns={[
            { key: 'name', head: 'Variable', cell: ({ name }) => <code>{name}</code> },
            {
              key: 'value',
              head: 'Value',
              wide: true,
              cell: ({ value }) => value ?? <span class="faint">not set</span>,
            },
          ]}
        />
      </Card>
      <Card title="tenfold.config.ts">
        <pre class="config">{JSON.stringify(config, null, 2)}</pre>
      </Card>
    </>
  )
}
