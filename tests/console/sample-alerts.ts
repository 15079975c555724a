/** Alerts and business metrics for the console's pages, made by hand. */
import type { AlertsOverview } from '../../packages/tenfold/src/alerts/index.ts'
import type { ConsoleSource } from '../../packages/tenfold/src/console/index.ts'

type Alerts = NonNullable<ConsoleSource['alerts']>
type Business = Awaited<ReturnType<NonNullable<ConsoleSource['business']>>>

export function sampleAlerts(now: number, hostile: string, actions: string[]): Alerts {
  const note = (action: string) => async (): Promise<boolean> => actions.push(action) > 0
  return {
    overview: async () => overview(now, hostile),
    silence: async ({ rule = '*' }) => {
      actions.push(`silence ${rule}`)
      return 'silence-1'
    },
    acknowledge: (rule) => note(`acknowledge ${rule}`)(),
    endSilence: (id) => note(`end ${id}`)(),
    test: async (name) => void actions.push(`test ${name}`),
  }
}

function overview(now: number, hostile: string): AlertsOverview {
  const alert = (labels: Record<string, string>, says: string) => ({
    rule: 'queue-age',
    key: JSON.stringify(labels),
    labels,
    state: 'firing' as const,
    value: 120,
    activeAt: now - 600_000,
    firedAt: now - 300_000,
    says,
    silenced: false,
    flapping: false,
  })
  const common = { todo: 'More workers, or a job that takes too long; see Jobs in the console.', forMs: 300_000 }
  return {
    rules: [
      {
        ...common,
        name: 'queue-age',
        severity: 'warn',
        state: 'firing',
        says: 'The oldest job of media.resize has been waiting for 120 s.',
        when: 'last of tenfold.queue.oldest_age over 2m for each job is above 60, until it is back at 30',
        runbook: 'https://example.com/runbook#queue-age',
        alerts: [
          alert({ job: 'media.resize' }, 'The oldest job of media.resize has been waiting for 120 s.'),
          { ...alert({ job: hostile }, `The oldest job of ${hostile} has been waiting for 95 s.`), flapping: true },
        ],
      },
      {
        ...common,
        name: 'latency',
        severity: 'warn',
        state: 'pending',
        says: '5 % of the requests take longer than 1240 ms; 1000 ms were promised.',
        when: 'p95 of all requests over 5m is above 1000, until it is back at 800',
        alerts: [{ ...alert({}, '5 % take longer.'), rule: 'latency', state: 'pending', silenced: true }],
      },
      {
        ...common,
        name: 'cpu',
        severity: 'warn',
        state: 'ok',
        says: '',
        when: 'avg of system.cpu.utilization over 10m for each instance is above 0.9, until it is back at 0.8',
        alerts: [],
      },
    ],
    silences: [
      {
        id: 's1',
        by: 'kim',
        comment: 'the import runs',
        createdAt: now,
        startsAt: now,
        endsAt: now + 3_600_000,
        rule: 'latency',
      },
    ],
    channels: [
      { name: 'chat', kind: 'slack', delivery: { channel: 'chat', delivered: 12, waiting: 0 } },
      {
        name: 'pager',
        kind: 'pagerduty',
        delivery: { channel: 'pager', delivered: 1, waiting: 2, lastError: `it answered 503 ${hostile}` },
      },
    ],
    history: [
      { at: now - 300_000, rule: 'queue-age', labels: { job: 'media.resize' }, what: 'fired', value: 120 },
      { at: now - 900_000, rule: 'errors', labels: {}, what: 'resolved', value: 0 },
      { at: now - 1_000_000, rule: 'errors', labels: {}, what: 'acknowledged', by: 'kim' },
    ],
    lastLook: { at: now - 4000, by: 'a1b2c3d4' },
  }
}

export function sampleBusiness(now: number, hostile: string): Business {
  const times = Array.from({ length: 60 }, (_, i) => now - (60 - i) * 60_000)
  return [
    {
      name: 'orders.order_success_rate',
      kind: 'ratio',
      help: 'Orders that were paid, of those whose payment was decided.',
      unit: '1',
      value: 0.942,
      count: 1240,
      points: times.map((time, i) => ({ time, value: i % 7 === 0 ? null : 0.9 + (i % 10) / 100, count: 20 })),
      by: [
        { labels: { country: 'DE' }, value: 0.97, count: 800 },
        { labels: { country: hostile }, value: 0.88, count: 440 },
      ],
    },
    {
      name: 'orders.basket',
      kind: 'distribution',
      help: 'What an order is worth.',
      unit: 'EUR',
      value: 42.5,
      p95: 180,
      count: 1240,
      points: times.map((time, i) => ({ time, value: 40 + (i % 9), p95: 150 + (i % 13) * 4, count: 20 })),
      by: [],
    },
  ]
}
