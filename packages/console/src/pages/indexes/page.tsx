import { useEffect, useState } from 'preact/hooks'
import type { ApiFailure } from '../../api/client.ts'
import { Badge, Card } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { Choice } from '../../parts/filters.tsx'
import { bytes, count, duration } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type Found, type IndexAdvice, lookForIndexes, type Proposed, type Superfluous, useIndexAdvice } from './api.ts'

export function IndexesPage() {
  const [{ days = '7' }] = useQuery()
  const [failure, setFailure] = useState<string>()
  const asked = useIndexAdvice()
  const looking = asked.data?.status === 'looking'
  useEffect(() => {
    if (!looking) return
    const timer = setInterval(asked.refresh, 1000)
    return () => clearInterval(timer)
  }, [looking])
  const look = (): void => {
    setFailure(undefined)
    lookForIndexes(days).then(asked.refresh, (error: ApiFailure) => setFailure(`${error.message} ${error.fix}`))
  }
  return (
    <>
      <PageHead title="Indexes">
        <Choice
          label="For what was asked in"
          parameter="days"
          options={[
            ['7', '7 days'],
            ['1', 'a day'],
            ['30', '30 days'],
          ]}
        />
        <button type="button" class="button primary acts" disabled={looking} onClick={look}>
          {looking ? 'Looking…' : 'Look for indexes'}
        </button>
      </PageHead>
      {failure && (
        <p class="banner trouble" role="alert">
          {failure}
        </p>
      )}
      <Loaded asked={asked}>{(advice) => <Result advice={advice} />}</Loaded>
    </>
  )
}

function Result({ advice }: { advice: IndexAdvice }) {
  if (advice.status === 'never') {
    return (
      <Empty title="Nobody has looked yet.">
        <p>
          Looking takes what the app has asked, restores the statistics of the database into a scratch server beside it,
          and lets the planner try what would pay. The database itself is only read. <code>tenfold indexes</code> does
          the same.
        </p>
      </Empty>
    )
  }
  if (advice.status === 'looking') return <Empty title="Looking. It takes some seconds." />
  if (advice.status === 'failed') {
    return (
      <p class="banner trouble" role="alert">
        {advice.message} {advice.fix}
      </p>
    )
  }
  return <Answer found={advice} />
}

function Answer({ found: { advice, startedAt, tookMs, days } }: { found: Found }) {
  const { create, drop, unplanned, queries, candidates } = advice
  return (
    <>
      {create.map((one) => (
        <Create key={one.sql} index={one} />
      ))}
      {drop.length > 0 && (
        <Card title="To drop" note="nothing needs them; each write to their table writes them">
          <Table label="Indexes to drop" columns={DROP} rows={drop} rowKey={({ index }) => index} />
        </Card>
      )}
      <Card title={create.length + drop.length === 0 ? 'Nothing to do' : 'How it was found'}>
        <p class="definition">
          <Time at={startedAt} />, in {duration(tookMs)}: {count(queries)} statements of{' '}
          {days === 1 ? 'a day' : `${days} days`}, {count(candidates)} candidates. Costs are the planner’s, in its own
          unit.
          {unplanned.length > 0 && ` ${count(unplanned.length)} statements could not be planned.`}
        </p>
      </Card>
    </>
  )
}

function Create({ index: { table, sql, helps, size, writes } }: { index: Proposed }) {
  return (
    <Card
      title={`To create on ${table}`}
      note={`about ${bytes(size)}; ${count(writes)} rows written to the table so far`}
      tools={<Copy text={sql} label="Copy SQL" />}
    >
      <pre class="sql">{sql}</pre>
      <Table label={`What ${table} gains`} columns={HELPS} rows={helps} rowKey={({ text }) => text} />
    </Card>
  )
}

const HELPS: Column<Proposed['helps'][number]>[] = [
  { key: 'text', head: 'Statement', wide: true, cell: ({ text }) => <code>{text}</code> },
  { key: 'calls', head: 'Calls', align: 'right', hide: 'phone', cell: ({ calls }) => count(calls) },
  {
    key: 'cost',
    head: 'Cost',
    align: 'right',
    cell: ({ costBefore, costAfter }) => `${count(Math.round(costBefore))} → ${count(Math.round(costAfter))}`,
  },
]

const WHY = {
  unused: 'nobody reads it',
  duplicate: 'another does the same',
  invalid: 'left half-built',
  bloated: 'mostly empty: to be rebuilt',
}

const DROP: Column<Superfluous>[] = [
  { key: 'index', head: 'Index', wide: true, cell: ({ index }) => <code>{index}</code> },
  {
    key: 'why',
    head: 'Why',
    cell: ({ why, of }) => <Badge tone="quiet">{of ? `${of} does the same` : WHY[why]}</Badge>,
  },
  { key: 'size', head: 'Size', align: 'right', hide: 'phone', cell: ({ size }) => bytes(size) },
  { key: 'sql', head: '', align: 'right', cell: ({ sql }) => <Copy text={sql} label="Copy SQL" /> },
]
