import { userInfo } from 'node:os'
import {
  alertmanagerConfig,
  checkAlerts,
  openAlerts,
  prometheusRules,
  type Alerts,
  type RuleRow,
} from '../../alerts/index.ts'
import { businessMetrics, connect } from '../../app/index.ts'
import { toMs, type Duration } from '../../kernel/index.ts'
import type { Command, Invocation } from '../command.ts'
import { BadOptionValue, MissingArgument } from '../errors.ts'
import { loadProject } from '../project.ts'

const COLOURS = { firing: 'red', pending: 'yellow', ok: 'green' } as const

export const alertsList: Command = {
  options: { all: { type: 'boolean', about: 'those that are well, too' } },
  examples: ['tenfold alerts list', 'tenfold alerts list --all', 'tenfold alerts list --json'],
  run: (invocation) =>
    withAlerts(invocation, async (alerts) => {
      const { flags, output } = invocation
      const { rules, silences, lastLook } = await alerts.overview()
      const shown = rules.filter(({ state }) => flags.all === true || state !== 'ok')
      output.show({ rules: shown, silences, lastLook }, () => {
        if (shown.length === 0) output.line(`all ${rules.length} rules are well`)
        else
          output.table(
            ['rule', 'state', 'severity', 'what'],
            shown.map((rule) => rowOf(rule, output)),
          )
        for (const { id, rule = 'everything', by, comment, endsAt } of silences.filter(
          (one) => one.endsAt > Date.now(),
        ))
          output.line(`silenced: ${rule} until ${new Date(endsAt).toISOString()} by ${by}: ${comment} (${id})`)
        output.line(
          output.paint(
            'grey',
            lastLook
              ? `last looked at ${new Date(lastLook.at).toISOString()}`
              : 'not looked at yet: no process with the role cron has run',
          ),
        )
      })
      return rules.some(({ state }) => state === 'firing') ? 1 : 0
    }),
}

export const alertsSilence: Command = {
  args: '[<rule>]',
  maxArgs: 1,
  options: {
    for: { type: 'string', value: '<time>', about: 'how long: 30m, 2h, 1d (default: 1h)' },
    because: { type: 'string', value: '<text>', about: 'why, for the others' },
    end: { type: 'string', value: '<id>', about: 'end the silence of this id' },
  },
  examples: [
    "tenfold alerts silence queue-age --for 2h --because 'the import runs'",
    'tenfold alerts silence --end 0198f0c2-…',
  ],
  run: (invocation) =>
    withAlerts(invocation, async (alerts) => {
      const { args, flags, output } = invocation
      if (typeof flags.end === 'string') {
        const done = await alerts.endSilence(flags.end)
        output.show({ done }, () => output.line(done ? 'the silence has ended' : 'no such silence lasts'))
        return done ? 0 : 1
      }
      const [rule] = args
      const comment = typeof flags.because === 'string' ? flags.because : 'no reason given'
      const forMs = lengthOf(String(flags.for ?? '1h'))
      const id = await alerts.silence({ by: whoami(), comment, forMs, ...(rule !== undefined && { rule }) })
      const until = new Date(Date.now() + forMs).toISOString()
      output.show({ id, until }, () => output.line(`${rule ?? 'everything'} is silenced until ${until} (${id})`))
      return 0
    }),
}

export const alertsAcknowledge: Command = {
  args: '<rule>',
  maxArgs: 1,
  examples: ['tenfold alerts acknowledge queue-age'],
  run: (invocation) =>
    withAlerts(invocation, async (alerts) => {
      const [rule] = invocation.args
      if (rule === undefined) throw MissingArgument({ argument: 'a rule', command: 'alerts acknowledge' })
      const done = await alerts.acknowledge(rule, whoami())
      invocation.output.show({ done }, () =>
        invocation.output.line(done ? `${rule} is acknowledged` : `${rule} does not fire`),
      )
      return done ? 0 : 1
    }),
}

export const alertsTest: Command = {
  args: '[<channel>]',
  maxArgs: 1,
  examples: ['tenfold alerts test', 'tenfold alerts test chat'],
  run: (invocation) =>
    withAlerts(invocation, async (alerts) => {
      const { args, output } = invocation
      const [channel] = args
      if (channel === undefined) {
        const { channels } = await alerts.overview()
        output.show(channels, () => {
          if (channels.length === 0) output.line('no channels: alerts are in the console and in the log')
          else
            output.table(
              ['channel', 'kind'],
              channels.map(({ name, kind }) => [name, kind]),
            )
        })
        return 0
      }
      await alerts.test(channel)
      output.show({ channel, sent: true }, () => output.line(`a test was sent through ${channel}`))
      return 0
    }),
}

export const alertsExport: Command = {
  options: { alertmanager: { type: 'boolean', about: 'whom to tell, for Alertmanager' } },
  examples: [
    'tenfold alerts export > /etc/prometheus/rules/shop.yml',
    'tenfold alerts export --alertmanager > alertmanager.yml',
  ],
  async run({ flags, output }) {
    const { app, config } = await loadProject(flags)
    const settings = checkAlerts(config.alerts ?? {})
    if (flags.alertmanager === true) {
      const text = alertmanagerConfig(settings)
      output.show({ text }, () => output.line(text.trimEnd()))
      return 0
    }
    const { text, leftOut } = prometheusRules(app.name, settings.rules, businessMetrics(app.modules), settings.runbook)
    output.show({ text, leftOut }, () => output.line(text.trimEnd()))
    if (leftOut.length > 0) output.error(`left out, since the kind of their metric is not known: ${leftOut.join(', ')}`)
    return 0
  },
}

function rowOf({ name, state, severity, says, when, alerts }: RuleRow, output: Invocation['output']): string[] {
  const quiet = alerts.length > 0 && alerts.every(({ silenced }) => silenced) ? ' (silenced)' : ''
  return [name, output.paint(COLOURS[state], state) + quiet, severity, state === 'ok' ? when : says]
}

function lengthOf(given: string): number {
  try {
    return toMs(given as Duration)
  } catch (error) {
    throw BadOptionValue({ option: '--for', value: given, allowed: 'a length of time: 30m, 2h, 1d' }, { cause: error })
  }
}

function whoami(): string {
  try {
    return userInfo().username
  } catch {
    return 'somebody'
  }
}

async function withAlerts({ flags }: Invocation, fn: (alerts: Alerts) => Promise<number>): Promise<number> {
  const { app, config, root } = await loadProject(flags)
  const connected = await connect(app, root)
  try {
    const { database, queue } = await connected.open()
    const { telemetry, bindings } = connected
    const smtp = bindings.variables['SMTP_URL']
    const alerts = await openAlerts({
      ...config.alerts,
      app: app.name,
      db: database.system,
      telemetry,
      jobs: queue,
      smtp,
    })
    try {
      return await fn(alerts)
    } finally {
      alerts.close()
    }
  } finally {
    await connected.close()
  }
}
