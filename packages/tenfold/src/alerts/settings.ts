import { timetableOf } from '../cron/index.ts'
import { toMs, type Duration } from '../kernel/index.ts'
import type { ChannelOptions } from './channels/channel.ts'
import { defaultRules, type Promises } from './defaults.ts'
import { BadAlerts } from './errors.ts'
import type { GroupTimes } from './group.ts'
import { checkRules, type AlertRule, type CheckedRule, type Severity } from './rule.ts'
import type { Maintenance } from './silence.ts'

/** `alerts` of tenfold.config.ts. */
export interface AlertSettings {
  /** Rules of your own. */
  rules?: readonly AlertRule[]
  /** Changes to those that every app has: by name, `false` for none of it, or what is different. `false` leaves all out. */
  defaults?: false | Readonly<Record<string, false | Partial<Omit<AlertRule, 'name'>>>>
  /** What users are promised: the default rules for errors and latency follow it. */
  promises?: { objective?: number; p95?: Duration }
  /** Where alerts are sent, by a name of yours. Defaults to nowhere: they are in the console and in the log.
   *  @example channels: { chat: { kind: 'slack', url: process.env.SLACK_URL } } */
  channels?: Readonly<Record<string, ChannelOptions>>
  /** Which channels are for which severity. Defaults to all channels for page, warn and ticket, and none for info. */
  send?: Partial<Record<Severity, readonly string[]>>
  /** What nobody has acknowledged for so long is also sent to these channels. Defaults to never. */
  escalate?: { after: Duration; to: readonly string[] }
  /** When nobody is told, again and again: from each time of a cron schedule (in UTC) on.
   *  @example maintenance: [{ schedule: '0 3 * * 0', for: '1h' }] */
  maintenance?: readonly { schedule: string; for: Duration; rules?: readonly string[] }[]
  /** An address outside of this system that is asked after each look at the rules, at most once in `every` (1 minute): a
   *  service there tells you when it no longer is. */
  deadman?: { url: string | undefined; every?: Duration }
  /** Where the console is, for the links in messages. Defaults to none. */
  console?: string
  /** A page with a section for each rule. Defaults to none: the message says what to do first. */
  runbook?: string
  /** How often the rules are looked at. Defaults to 15 seconds. */
  every?: Duration
  /** How long a message waits for more of the same rule. Defaults to 30 seconds; then at least `interval` (5 minutes) until
   *  the next one about it, and one every `repeat` (4 hours) while it lasts. */
  group?: { wait?: Duration; interval?: Duration; repeat?: Duration }
}

export interface CheckedAlerts {
  rules: CheckedRule[]
  channels: Readonly<Record<string, ChannelOptions>>
  send: Record<Severity, readonly string[]>
  escalate: { afterMs: number; to: readonly string[] } | undefined
  maintenance: Maintenance[]
  deadman: { url: string; everyMs: number } | undefined
  console: string | undefined
  runbook: string | undefined
  everyMs: number
  times: GroupTimes
}

/** Fills in the defaults. Throws TF_BAD_ALERTS with all that is wrong. */
export function checkAlerts(given: AlertSettings): CheckedAlerts {
  const { channels = {}, escalate, deadman, group = {}, promises = {} } = given
  const names = Object.keys(channels)
  const send = { page: names, warn: names, ticket: names, info: [], ...given.send }
  const rules = checkRules([...changed(given.defaults, promises), ...(given.rules ?? [])])
  const wanted = [...Object.values(send).flat(), ...(escalate?.to ?? [])]
  const problems = wanted
    .filter((name) => !names.includes(name))
    .map((name) => `there is no channel '${name}'; there are: ${names.join(', ') || 'none'}`)
  if (problems.length > 0) throw BadAlerts({ problems: [...new Set(problems)] })
  return {
    rules,
    channels,
    send,
    escalate: escalate && { afterMs: toMs(escalate.after), to: escalate.to },
    maintenance: (given.maintenance ?? []).map(windowOf),
    deadman: deadman?.url ? { url: deadman.url, everyMs: toMs(deadman.every ?? '1m') } : undefined,
    console: given.console,
    runbook: given.runbook,
    everyMs: toMs(given.every ?? '15s'),
    times: {
      waitMs: toMs(group.wait ?? '30s'),
      intervalMs: toMs(group.interval ?? '5m'),
      repeatMs: toMs(group.repeat ?? '4h'),
    },
  }
}

function changed(
  changes: AlertSettings['defaults'],
  { objective, p95 }: NonNullable<AlertSettings['promises']>,
): AlertRule[] {
  if (changes === false) return []
  const promises: Promises = {
    ...(objective !== undefined && { objective }),
    ...(p95 !== undefined && { p95Ms: toMs(p95) }),
  }
  const rules = defaultRules(promises)
  const unknown = Object.keys(changes ?? {}).filter((name) => !rules.some((rule) => rule.name === name))
  if (unknown.length > 0) throw BadAlerts({ problems: unknown.map((name) => `there is no default rule '${name}'`) })
  const left = rules.filter(({ name }) => changes?.[name] !== false)
  return left.map((rule) => {
    const change = changes?.[rule.name] || {}
    // A rule that is left out inhibits nobody.
    const inhibitedBy = (change.inhibitedBy ?? rule.inhibitedBy)?.filter((name) =>
      left.some((one) => one.name === name),
    )
    return { ...rule, ...change, ...(inhibitedBy && { inhibitedBy }) }
  })
}

function windowOf({ schedule, for: length, rules }: NonNullable<AlertSettings['maintenance']>[number]): Maintenance {
  const timetable = timetableOf({ name: 'alerts.maintenance', schedule })
  const between = (fromMs: number, toMs_: number): number[] => timetable.between(fromMs, toMs_, 100)
  return { schedule, lengthMs: toMs(length), between, ...(rules && { rules }) }
}
