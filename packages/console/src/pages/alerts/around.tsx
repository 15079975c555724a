import { useState } from 'preact/hooks'
import type { ApiFailure } from '../../api/client.ts'
import { Badge, Card } from '../../parts/card.tsx'
import { count } from '../../parts/format.ts'
import { type Column, Table } from '../../parts/table.tsx'
import { Time, useNow } from '../../parts/time.tsx'
import { type AlertsOverview, endSilence, testChannel } from './api.ts'

type Silence = AlertsOverview['silences'][number]
type Channel = AlertsOverview['channels'][number]
type Entry = AlertsOverview['history'][number]

export function Silences({ silences, refresh }: { silences: Silence[]; refresh(): void }) {
  const now = useNow()
  const lasting = silences.filter(({ endsAt }) => endsAt > now)
  const [failure, setFailure] = useState<string>()
  if (lasting.length === 0) return null
  const end = (id: string): void => {
    endSilence(id).then(refresh, (error: ApiFailure) => setFailure(error.message))
  }
  return (
    <Card title="Silences" note="shown, and not told">
      {failure && (
        <p class="banner trouble" role="alert">
          {failure}
        </p>
      )}
      <ul class="lines">
        {lasting.map(({ id, rule = 'every rule', labels = {}, by, comment, endsAt }) => (
          <li key={id}>
            <code>{rule}</code> {labelsOf(labels)} until <Time at={endsAt} /> by {by}: {comment}{' '}
            <button type="button" class="button small acts" onClick={() => end(id)}>
              End it
            </button>
          </li>
        ))}
      </ul>
    </Card>
  )
}

export function Channels({ channels }: { channels: Channel[] }) {
  const [said, setSaid] = useState<Record<string, string>>({})
  if (channels.length === 0) {
    return (
      <Card title="Channels">
        <p class="note lines">
          Nobody is told: alerts are here and in the log. Name a channel under <code>alerts.channels</code> in
          tenfold.config.ts.
        </p>
      </Card>
    )
  }
  const test = (name: string): void => {
    const say = (words: string): void => setSaid((before) => ({ ...before, [name]: words }))
    say('Sending…')
    testChannel(name).then(
      () => say('It was taken.'),
      (error: ApiFailure) => say(error.message),
    )
  }
  return (
    <Card title="Channels" note="messages of the last day">
      <ul class="lines">
        {channels.map(({ name, kind, delivery }) => (
          <li key={name}>
            <code>{name}</code> <span class="faint">{kind}</span> {count(delivery?.delivered ?? 0)} sent{' '}
            {delivery && delivery.waiting > 0 && <Badge tone="warning">{count(delivery.waiting)} waiting</Badge>}
            {delivery?.lastError && <span class="faint"> {delivery.lastError}</span>}{' '}
            <button type="button" class="button small acts" onClick={() => test(name)}>
              Send a test
            </button>{' '}
            <span role="status">{said[name]}</span>
          </li>
        ))}
      </ul>
    </Card>
  )
}

export function History({ entries }: { entries: Entry[] }) {
  if (entries.length === 0) return null
  return (
    <Card title="What happened" note="the last 100 events, of 30 days">
      <Table
        label="What happened"
        columns={COLUMNS}
        rows={entries}
        rowKey={(entry) => `${entry.at} ${entry.rule} ${entry.what} ${JSON.stringify(entry.labels)}`}
      />
    </Card>
  )
}

const COLUMNS: Column<Entry>[] = [
  { key: 'at', head: 'When', cell: (entry) => <Time at={entry.at} /> },
  {
    key: 'what',
    head: 'What',
    cell: (entry) => <Badge tone={entry.what === 'fired' ? 'trouble' : 'quiet'}>{entry.what}</Badge>,
  },
  { key: 'rule', head: 'Rule', wide: true, cell: (entry) => <code>{entry.rule}</code> },
  { key: 'labels', head: 'Of', hide: 'phone', cell: (entry) => labelsOf(entry.labels) || entry.by || '' },
]

function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}
