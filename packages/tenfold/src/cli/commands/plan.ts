import { writeFileSync } from 'node:fs'
import {
  answer,
  curveOf,
  CURVE_HEADS,
  DEFAULT_PRICES,
  needs,
  planPage,
  rowsOfCurve,
  wordsOfAnswer,
  wordsOfNeeds,
  wordsOfQueries,
} from '../../plan/index.ts'
import { terminalChart } from '../../report/index.ts'
import type { Command } from '../command.ts'
import { MissingArgument } from '../errors.ts'
import { GOAL_OPTIONS, settingsOf, SOURCE_OPTIONS, sourceOf } from '../planning.ts'
import { numberOf } from '../stages.ts'

export const plan: Command = {
  options: {
    users: { type: 'string', value: '<n>', about: 'to plan for: 50k, 1m' },
    rps: {
      type: 'string',
      value: '<n>',
      about: 'to plan for, in place of users: requests a second in the busiest minute',
    },
    ...SOURCE_OPTIONS,
    ...GOAL_OPTIONS,
  },
  examples: [
    'tenfold plan --users 1m --like last-week',
    'tenfold plan --rps 500 --slo 200',
    'tenfold plan --rps 2k --cache-hit 0.8 --prices prices.json',
    'tenfold plan --users 50k --from latest',
  ],
  async run({ flags, output }) {
    if (flags.users === undefined && flags.rps === undefined)
      throw MissingArgument({ argument: '--users or --rps', command: 'plan' })
    const settings = settingsOf(flags)
    const users = flags.users === undefined ? undefined : numberOf('--users', flags.users)
    const wanted = flags.rps === undefined ? undefined : numberOf('--rps', flags.rps)
    const { demands, ratePerUser, notes } = await sourceOf(flags)
    const rate = wanted ?? users! * ratePerUser
    const found = answer(demands, rate, settings, wanted === undefined ? users : undefined)
    const unknown = [...(wanted === undefined ? notes : []), ...found.unknown]
    output.show({ ...found, unknown, from: demands.source }, () => {
      for (const line of wordsOfAnswer(found, settings)) output.line(line)
      output.line()
      output.line(output.paint('grey', `from ${demands.source}`))
      for (const line of wordsOfQueries(demands)) output.line(output.paint('grey', `  ${line}`))
      for (const line of unknown) output.line(output.paint('grey', `- ${line}`))
    })
    return found.choice ? 0 : 1
  },
}

export const planCurve: Command = {
  options: {
    ...SOURCE_OPTIONS,
    ...GOAL_OPTIONS,
    report: { type: 'string', value: '<file>', about: 'writes it as an HTML page' },
  },
  examples: ['tenfold plan curve', 'tenfold plan curve --like last-week --report plan.html'],
  async run({ flags, output }) {
    const settings = settingsOf(flags)
    const { app, demands, ratePerUser, notes } = await sourceOf(flags)
    const curve = curveOf(demands, ratePerUser, settings)
    const needed = needs(demands, settings)
    const unknown = [...notes, ...answer(demands, ratePerUser, settings).unknown]
    if (typeof flags.report === 'string') {
      writeFileSync(flags.report, planPage({ app, demands, curve, needed, settings, ratePerUser, unknown }))
    }
    output.show({ curve, needed, unknown, from: demands.source }, () => {
      output.table(CURVE_HEADS, rowsOfCurve(curve, settings.prices.currency))
      output.line()
      const points = curve.flatMap(({ users, choice }) => (choice ? [[users, choice.price] as const] : []))
      const drawn = terminalChart({
        x: 'users',
        y: `${settings.prices.currency} a month`,
        logX: true,
        logY: true,
        series: [{ sign: '●', name: 'cheapest', points }],
      })
      for (const line of drawn) output.line(line)
      output.line()
      for (const line of wordsOfNeeds(needed, ratePerUser)) output.line(line)
      output.line()
      output.line(output.paint('grey', `from ${demands.source}`))
      for (const line of unknown) output.line(output.paint('grey', `- ${line}`))
    })
    return 0
  },
}

export const planDemands: Command = {
  options: SOURCE_OPTIONS,
  examples: ['tenfold plan demands --like last-week > demands.json'],
  async run({ flags, output }) {
    const { demands } = await sourceOf(flags)
    output.line(JSON.stringify(demands, null, 2))
    return 0
  },
}

export const planPrices: Command = {
  examples: ['tenfold plan prices > prices.json'],
  async run({ output }) {
    output.line(JSON.stringify(DEFAULT_PRICES, null, 2))
    return 0
  },
}
