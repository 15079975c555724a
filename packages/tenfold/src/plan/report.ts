/** The plan as one page that needs nothing else. */
import { chart, escape, figures, page, rows } from '../report/index.ts'
import type { Demands } from './plan.ts'
import type { CurvePoint, Settings, Stage } from './search.ts'
import { CURVE_HEADS, rowsOfCurve, short, STAGES, wordsOfNeeds } from './words.ts'

export interface PlanPage {
  app: string
  demands: Demands
  curve: readonly CurvePoint[]
  needed: readonly { stage: Stage; from: number }[]
  settings: Settings
  ratePerUser: number
  unknown: readonly string[]
}

export function planPage({ app, demands, curve, needed, settings, ratePerUser, unknown }: PlanPage): string {
  const { prices, goal } = settings
  const done = curve.filter(({ choice }) => choice)
  const last = done.at(-1)
  const list = (lines: readonly string[]): string =>
    `<ul>${lines.map((line) => `<li>${escape(line)}</li>`).join('')}</ul>`
  const section = (title: string, content: string): string => `<section><h2>${title}</h2>${content}</section>`
  return page({
    title: `Plan: ${app}`,
    subtitle: `from ${demands.source}, ${short(demands.rate)} requests a second then · p95 within ${Math.round(goal.p95 * 1000)} ms · ${Number(ratePerUser.toPrecision(3))} requests a second of a user in the busiest minute`,
    body: [
      figures([
        {
          label: 'CPU of the app',
          value: `${milli(demands, ({ appCpu }) => appCpu)} ms`,
          note: 'for each request, jobs included',
        },
        {
          label: 'CPU of the database',
          value: `${milli(demands, ({ databaseCpu }) => databaseCpu)} ms`,
          note: 'for each request, jobs included',
        },
        { label: 'planned up to', value: last ? short(last.users) : '0', note: 'users' },
        { label: 'there', value: last ? `${short(last.choice!.price)} ${prices.currency}` : '', note: 'a month' },
      ]),
      section(
        'From a hundred to ten million users',
        `<div class="grid2">${chart({
          title: 'Price',
          x: 'users',
          y: `${prices.currency} a month`,
          logX: true,
          logY: true,
          series: [
            { name: 'cheapest', points: done.map(({ users, choice }) => [users, choice!.price] as const), as: 'both' },
          ],
          marks: needed
            .filter(({ from }) => from > 0)
            .map(({ stage, from }) => ({ x: from / ratePerUser, label: `step ${stage} needed` }))
            .slice(0, 3),
        })}${chart({
          title: 'p95',
          x: 'users',
          y: 'milliseconds',
          logX: true,
          series: [
            {
              name: 'predicted',
              points: done.map(({ users, choice }) => [users, choice!.prediction.p95 * 1000] as const),
              as: 'both',
            },
          ],
          levels: [{ y: goal.p95 * 1000, label: 'goal' }],
        })}</div>${rows(CURVE_HEADS, rowsOfCurve(curve, prices.currency), true)}`,
      ),
      section(
        'When which step is needed',
        list([`step 1, ${STAGES[1]}: where one starts`, ...wordsOfNeeds(needed, ratePerUser)]),
      ),
      section('What each request and job needs', classTable(demands)),
      section('Not known, and assumed', list(unknown)),
    ].join(''),
  })
}

function milli({ classes }: Demands, of: (one: Demands['classes'][number]) => number): string {
  return String(Number((classes.reduce((sum, one) => sum + one.share * of(one), 0) * 1000).toPrecision(2)))
}

function classTable({ classes }: Demands): string {
  const cell = (seconds: number): string => String(Number((seconds * 1000).toPrecision(2)))
  return rows(
    ['route or job', 'for each request', 'app CPU ms', 'database CPU ms', 'held besides ms', 'others ms', 'statements'],
    classes.map(({ name, share, appCpu, databaseCpu, databaseOther, outside, queries }) => [
      name,
      `${Number((share * 100).toPrecision(2))} %`,
      ...[appCpu, databaseCpu, databaseOther, outside].map(cell),
      String(Number(queries.toPrecision(2))),
    ]),
  )
}
