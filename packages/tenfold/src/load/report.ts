/** A run as one page that needs nothing else. */
import { chart, escape, figures, page, rows, type Figure } from '../report/index.ts'
import { DEFAULT_GOAL, kneeOf, type Goal } from './judge/knee.ts'
import { at, fitUsl, pointsOf, type UslFit } from './judge/usl.ts'
import type { Felt, LoadResult, StepResult } from './load.ts'
import { wordsOfKnee, wordsOfUsl } from './words.ts'

export function reportOf(result: LoadResult, goal: Goal = DEFAULT_GOAL): string {
  const { scenario, url, startedAt, endedAt, machine, steps } = result
  const when = `${new Date(startedAt).toISOString().slice(0, 19).replace('T', ' ')} UTC, ${Math.round((endedAt - startedAt) / 1000)} s`
  const where = machine.withTarget ? 'app and generator on one machine' : 'the app on another machine'
  const usl = fitUsl(pointsOf(steps))
  return page({
    title: `Load: ${scenario}`,
    subtitle: `${url} · ${when} · ${result.release ? `release ${result.release} · ` : ''}${where}: ${machine.cores} cores, Node.js ${machine.node} · run ${result.id}`,
    body: [
      figures(figuresOf(result)),
      trouble(result),
      section('By load', `<div class="grid2">${charts(result, goal, usl)}</div>`),
      section(
        'What was found',
        `<ul>${[wordsOfKnee(kneeOf(result, goal)), ...wordsOfUsl(usl)].map((line) => `<li>${escape(line)}</li>`).join('')}</ul>`,
      ),
      section('Through time', `<div class="grid2">${throughTime(result)}</div>`),
      section('Steps', stepTable(steps)),
      feltSection(steps),
      section('Routes', routeTable(steps)),
    ].join(''),
  })
}

function section(title: string, content: string): string {
  return content === '' ? '' : `<section><h2>${title}</h2>${content}</section>`
}

function figuresOf({ total, steps, thresholds, valid }: LoadResult): Figure[] {
  const missed = thresholds.filter(({ holds }) => !holds).length
  const most = Math.max(...steps.map(({ achieved }) => achieved))
  return [
    {
      label: 'requests',
      value: String(total.requests),
      note: `${(total.errorShare * 100).toFixed(2)} % failed`,
      ...(total.errorShare > 0.01 && { tone: 'trouble' as const }),
    },
    { label: 'most done', value: `${number(most)}/s` },
    { label: 'p50', value: `${number(total.latency.p50)} ms`, note: 'from when the visitor was due' },
    { label: 'p95', value: `${number(total.latency.p95)} ms` },
    {
      label: 'p99',
      value: `${number(total.latency.p99)} ms`,
      note: `${number(total.service.p99)} ms from when it was sent`,
    },
    thresholds.length > 0
      ? {
          label: 'thresholds',
          value: missed === 0 ? 'all hold' : `${missed} missed`,
          ...(missed > 0 && { tone: 'trouble' as const }),
        }
      : { label: 'longest', value: `${number(total.latency.max)} ms` },
    ...(valid ? [] : [{ label: 'valid', value: 'no', tone: 'trouble' as const, note: 'the generator was the limit' }]),
  ]
}

function trouble({ invalid, notes, thresholds, total }: LoadResult): string {
  const missed = thresholds
    .filter(({ holds }) => !holds)
    .map(({ name, value, most }) => `${name} is ${number(value)}, at most ${most} was asked for`)
  const errors = Object.entries(total.errors).map(([kind, count]) => `${count} times ${kind}`)
  const lines = [...invalid.map((why) => `not valid: ${why}`), ...missed, ...errors, ...notes]
  return lines.length === 0
    ? ''
    : section('To know', `<ul>${lines.map((line) => `<li>${escape(line)}</li>`).join('')}</ul>`)
}

function charts({ steps }: LoadResult, goal: Goal, usl: UslFit | undefined): string {
  const valid = steps.filter(({ invalid }) => invalid.length === 0)
  const open = valid.filter(({ kind }) => kind === 'open').toSorted((a, b) => a.offered - b.offered)
  const knee = kneeOf({ steps }, goal)
  const marks =
    knee.rate !== undefined && knee.failedAt !== undefined
      ? [{ x: knee.rate, label: `knee ${number(knee.rate)}/s` }]
      : []
  const latency = (of: 'p50' | 'p95' | 'p99') => open.map((step) => [step.offered, step.latency[of]] as const)
  return [
    open.length > 1
      ? chart({
          title: 'Latency',
          x: 'visitors a second',
          y: 'milliseconds',
          logY: true,
          marks,
          levels: [{ y: goal.p95, label: `goal ${goal.p95} ms` }],
          series: [
            { name: 'p50', points: latency('p50'), as: 'both', colour: 'dim' },
            { name: 'p95', points: latency('p95'), as: 'both' },
            { name: 'p99', points: latency('p99'), as: 'both', colour: 'warning' },
          ],
        })
      : '',
    open.length > 1
      ? chart({
          title: 'Offered and done',
          x: 'visitors a second, offered',
          y: 'done a second',
          marks,
          series: [
            {
              name: 'offered',
              points: open.map(({ offered }) => [offered, offered] as const),
              colour: 'dim',
              dashed: true,
            },
            { name: 'done', points: open.map(({ offered, achieved }) => [offered, achieved] as const), as: 'both' },
          ],
        })
      : '',
    usl?.fits ? scalability(usl) : '',
  ].join('')
}

function scalability(usl: UslFit): string {
  const far = Math.max(...usl.points.map(({ n }) => n)) * 1.3
  const law = { g: usl.alone.value, a: usl.contention.value, b: usl.crosstalk.value }
  const curve = Array.from({ length: 60 }, (_, i) => Math.max(0.2, (far * (i + 1)) / 60)).map(
    (n) => [n, at(law, n)] as const,
  )
  return chart({
    title: 'Scalability',
    x: 'at work at once',
    y: 'done a second',
    series: [
      { name: 'measured', points: usl.points.map(({ n, x }) => [n, x] as const), as: 'dots' },
      { name: 'scalability law', points: curve, colour: 'focus' },
    ],
    marks: usl.peakReached && usl.peak ? [{ x: usl.peak.n.value, label: `peak at ${number(usl.peak.n.value)}` }] : [],
  })
}

function throughTime({ steps }: LoadResult): string {
  const seconds = steps.flatMap(({ series }) => series)
  return [
    chart({
      title: 'Latency',
      x: 'seconds',
      y: 'milliseconds',
      logY: true,
      series: [
        { name: 'p50', points: seconds.map(({ at: x, p50 }) => [x, p50] as const), colour: 'dim' },
        { name: 'p95', points: seconds.map(({ at: x, p95 }) => [x, p95] as const) },
        { name: 'longest', points: seconds.map(({ at: x, max }) => [x, max] as const), colour: 'warning' },
      ],
    }),
    chart({
      title: 'Visitors',
      x: 'seconds',
      y: 'a second',
      series: [
        { name: 'due', points: seconds.map(({ at: x, due }) => [x, due] as const), colour: 'dim', dashed: true },
        { name: 'done', points: seconds.map(({ at: x, completed }) => [x, completed] as const) },
        { name: 'errors', points: seconds.map(({ at: x, errors }) => [x, errors] as const), colour: 'trouble' },
      ],
    }),
  ].join('')
}

function stepTable(steps: readonly StepResult[]): string {
  return rows(
    [
      'step',
      'due/s',
      'done/s',
      'p50 ms',
      'p95',
      'p99',
      'p99.9',
      'longest',
      'p99 as sent',
      'errors',
      'under way',
      'generator late p99',
      'generator busy',
    ],
    steps.map((step) => {
      const { latency, service, generator } = step
      const failed = Object.values(step.errors).reduce((sum, n) => sum + n, 0)
      return [
        `${step.users === undefined ? `${number(step.offered)}/s` : `${step.users} users`}, ${number(step.seconds)} s${step.invalid.length > 0 ? ' (not valid)' : ''}`,
        number(step.offered),
        number(step.achieved),
        number(latency.p50),
        number(latency.p95),
        number(latency.p99),
        number(latency.p999),
        number(latency.max),
        number(service.p99),
        String(failed),
        number(step.inFlight),
        `${number(generator.lag.p99)} ms`,
        percent(generator.utilization),
      ]
    }),
  )
}

const FELT: [label: string, of: (felt: Felt) => number | undefined, as: (value: number) => string][] = [
  ['app CPU, cores', ({ appCpu }) => appCpu, number],
  ['event loop', ({ eventLoop }) => eventLoop, percent],
  ['queries a request', ({ queriesPerRequest }) => queriesPerRequest, number],
  ['database ms a request', ({ databaseMs }) => databaseMs, number],
  ['database CPU, cores', ({ databaseCpu }) => databaseCpu, number],
  ['active sessions', ({ activeSessions }) => activeSessions, number],
  ['waiting for locks', ({ lockedSessions }) => lockedSessions, number],
  ['connections', ({ connections }) => connections, number],
  ['machine CPU, cores', ({ machineCpu }) => machineCpu, number],
]

function feltSection(steps: readonly StepResult[]): string {
  const felt = steps.filter((step) => step.felt)
  if (felt.length === 0) return ''
  const known = FELT.filter(([, of]) => felt.some((step) => of(step.felt!) !== undefined))
  const table = rows(
    ['step', ...known.map(([label]) => label)],
    felt.map((step) => [
      step.users === undefined ? `${number(step.offered)}/s` : `${step.users} users`,
      ...known.map(([, of, as]) => (of(step.felt!) === undefined ? '' : as(of(step.felt!)!))),
    ]),
  )
  return section('What the app and the database felt', table)
}

function routeTable(steps: readonly StepResult[]): string {
  const names = [...new Set(steps.flatMap(({ routes }) => Object.keys(routes)))]
  return rows(
    ['route', 'requests', 'worst p50 ms', 'worst p95', 'worst p99', 'errors'],
    names.map((name) => {
      const of = steps.flatMap(({ routes }) => routes[name] ?? [])
      const worst = (q: 'p50' | 'p95' | 'p99'): string => number(Math.max(...of.map(({ latency }) => latency[q])))
      const kinds = of.flatMap(({ errors }) => Object.entries(errors))
      const failed = kinds.reduce((sum, [, n]) => sum + n, 0)
      const words = failed === 0 ? '0' : `${failed}: ${[...new Set(kinds.map(([kind]) => kind))].join(', ')}`
      return [
        name,
        String(of.reduce((sum, { count }) => sum + count, 0)),
        worst('p50'),
        worst('p95'),
        worst('p99'),
        words,
      ]
    }),
  )
}

function number(value: number): string {
  if (!Number.isFinite(value)) return 'never'
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
