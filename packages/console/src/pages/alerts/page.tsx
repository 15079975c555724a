import { useState } from 'preact/hooks'
import { Badge, Card, Facts } from '../../parts/card.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { Tick } from '../../parts/filters.tsx'
import { duration } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time, useNow } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { acknowledge, type AlertsOverview, type RuleRow, silence, useAlerts } from './api.ts'
import { Channels, History, Silences } from './around.tsx'

export function AlertsPage() {
  const asked = useAlerts()
  return (
    <>
      <PageHead title="Alerts">
        <Tick label="Rules that are well, too" parameter="all" />
      </PageHead>
      <Loaded
        asked={asked}
        empty={(view) =>
          view === null && (
            <Empty title="Nobody looks at rules here.">
              <p>An app that runs has rules from the first start; this console is not of one.</p>
            </Empty>
          )
        }
      >
        {(view) => view && <Alerts view={view} refresh={asked.refresh} />}
      </Loaded>
    </>
  )
}

function Alerts({ view, refresh }: { view: AlertsOverview; refresh(): void }) {
  const [query] = useQuery()
  const now = useNow()
  const { rules, lastLook } = view
  const shown = rules.filter(({ state }) => query['all'] === '1' || state !== 'ok')
  const chosen = rules.find(({ name }) => name === query['open'])
  const firing = rules.filter(({ state }) => state === 'firing').length
  const late = !lastLook || now - lastLook.at > 120_000
  return (
    <>
      <section class="verdict" aria-label="Verdict">
        <p>
          <Badge tone={firing > 0 ? 'trouble' : late ? 'warning' : 'active'}>
            {firing > 0 ? `${firing} firing` : late ? 'not looked at' : 'well'}
          </Badge>{' '}
          {lastLook ? (
            <>
              {rules.length} rules, last looked at <Time at={lastLook.at} />.
            </>
          ) : (
            'No process with the role cron has looked at the rules yet.'
          )}
        </p>
      </section>
      {chosen && <Chosen rule={chosen} refresh={refresh} />}
      {shown.length > 0 ? (
        <Card title="Rules">
          <Table
            label="Alert rules"
            columns={COLUMNS}
            rows={shown}
            rowKey={(rule) => rule.name}
            href={(rule) => `/alerts?${new URLSearchParams({ ...query, open: rule.name })}`}
            current={(rule) => rule === chosen}
          />
        </Card>
      ) : (
        <Empty title={`All ${rules.length} rules are well.`}>
          <p>What is pending or fires shows up here.</p>
        </Empty>
      )}
      <Silences silences={view.silences} refresh={refresh} />
      <Channels channels={view.channels} />
      <History entries={view.history} />
    </>
  )
}

const TONES = { firing: 'trouble', pending: 'warning', ok: 'quiet' } as const

const COLUMNS: Column<RuleRow>[] = [
  { key: 'name', head: 'Rule', cell: (rule) => <code>{rule.name}</code> },
  {
    key: 'state',
    head: 'State',
    cell: (rule) => (
      <>
        <Badge tone={TONES[rule.state]}>{rule.state}</Badge> {isQuiet(rule) && <Badge>silenced</Badge>}
      </>
    ),
  },
  { key: 'severity', head: 'Severity', hide: 'phone', cell: (rule) => rule.severity },
  { key: 'says', head: 'What', wide: true, cell: (rule) => (rule.state === 'ok' ? rule.when : rule.says) },
  { key: 'alerts', head: 'Alerts', align: 'right', hide: 'narrow', cell: (rule) => rule.alerts.length || '' },
]

function isQuiet({ alerts }: RuleRow): boolean {
  return alerts.length > 0 && alerts.every(({ silenced }) => silenced)
}

function Chosen({ rule, refresh }: { rule: RuleRow; refresh(): void }) {
  const [, setQuery] = useQuery()
  const [asking, setAsking] = useState<'silence' | 'acknowledge'>()
  const done = async (work: Promise<unknown>): Promise<void> => {
    await work
    refresh()
  }
  return (
    <Card
      title={rule.name}
      note={rule.severity}
      tools={
        <>
          {rule.state === 'firing' && (
            <button type="button" class="button small acts" onClick={() => setAsking('acknowledge')}>
              Acknowledge…
            </button>
          )}
          <button type="button" class="button small acts" onClick={() => setAsking('silence')}>
            Silence…
          </button>
          <button type="button" class="button small" onClick={() => setQuery({ open: undefined })}>
            Close
          </button>
        </>
      }
    >
      <Facts
        facts={[
          ['What it reads', rule.when],
          ['For', rule.forMs > 0 ? duration(rule.forMs) : 'at once'],
          ['What to do first', rule.todo],
          ...(rule.runbook ? [['Runbook', <a href={rule.runbook}>{rule.runbook}</a>] as [string, preact.VNode]] : []),
        ]}
      />
      {rule.alerts.length > 0 && (
        <ul class="lines">
          {rule.alerts.map(({ key, says, state, firedAt, activeAt, silenced, flapping, acknowledgedBy }) => (
            <li key={key}>
              {says} <span class="faint">{state} since </span>
              <Time at={firedAt ?? activeAt} /> {silenced && <Badge>silenced</Badge>}
              {flapping && <Badge tone="warning">flapping</Badge>}
              {acknowledgedBy && <Badge>acknowledged by {acknowledgedBy}</Badge>}
            </li>
          ))}
        </ul>
      )}
      {asking === 'silence' && (
        <Confirm
          title={`Silence ${rule.name} for an hour?`}
          action="Silence rule"
          onConfirm={() => done(silence(rule.name, 3_600_000, 'silenced in the console'))}
          onClose={() => setAsking(undefined)}
        >
          <p>It is still looked at and shown here; nobody is told. The silence can be ended below at any time.</p>
        </Confirm>
      )}
      {asking === 'acknowledge' && (
        <Confirm
          title={`Look after ${rule.name}?`}
          action="Acknowledge alert"
          onConfirm={() => done(acknowledge(rule.name))}
          onClose={() => setAsking(undefined)}
        >
          <p>Nobody is told again about what fires of it now, and it is not escalated. That it is over is told.</p>
        </Confirm>
      )}
    </Card>
  )
}
