import { Card } from '../../parts/card.tsx'
import { bytes, duration, percent } from '../../parts/format.ts'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import type { Overview, ProcessRow } from './api.ts'

export function Processes({ processes }: { processes: ProcessRow[] }) {
  const note = processes.length === 1 ? '1 process' : `${processes.length} processes`
  return (
    <Card title="What runs" note={note}>
      <Table label="Processes" columns={PROCESS_COLUMNS} rows={processes} rowKey={(row) => row.instanceId} />
    </Card>
  )
}

const PROCESS_COLUMNS: Column<ProcessRow>[] = [
  { key: 'roles', head: 'Roles', cell: (row) => row.roles.join(', ') },
  { key: 'pid', head: 'Process', wide: true, hint: 'Process id and host', cell: (row) => `${row.pid} on ${row.host}` },
  { key: 'cpu', head: 'CPU', align: 'right', cell: (row) => percent(row.cpuPercent / 100) },
  { key: 'memory', head: 'Memory', align: 'right', cell: (row) => bytes(row.memoryBytes) },
  {
    key: 'loop',
    head: 'Loop',
    align: 'right',
    hide: 'phone',
    hint: 'How much of the time the event loop was busy',
    cell: (row) => percent(row.eventLoopUtilization),
  },
  {
    key: 'delay',
    head: 'Delay',
    hint: 'Delay of the event loop, 99th percentile',
    align: 'right',
    hide: 'narrow',
    cell: (row) => duration(row.eventLoopDelayP99),
  },
  { key: 'seen', head: 'Seen', align: 'right', hide: 'phone', cell: (row) => <Time at={row.seenAt} /> },
]

export function Bindings({ bindings }: { bindings: Overview['bindings'] }) {
  return (
    <Card title="What is bound">
      <Table label="Bindings" columns={BINDING_COLUMNS} rows={bindings} rowKey={(row) => row.part} />
    </Card>
  )
}

const BINDING_COLUMNS: Column<Overview['bindings'][number]>[] = [
  { key: 'part', head: 'Part', cell: (row) => row.part },
  { key: 'bound', head: 'Bound to', wide: true, cell: (row) => row.bound },
  {
    key: 'variable',
    head: 'Replace with',
    hint: 'The variable that replaces an embedded part',
    cell: (row) => (row.embedded && row.variable ? <code>{row.variable}</code> : <span class="faint">–</span>),
  },
]
