/** Alerts on the app's own Postgres: see alerts.ts for what is promised. */
import type { SqlTransaction, SystemDatabase } from '../database/index.ts'
import { messageOf, type Service } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { DELIVER, type AlertRow, type Alerts, type AlertSources, type RuleRow } from './alerts.ts'
import { openChannels } from './channels/open.ts'
import { AlertNotSent, AlertUnknown } from './errors.ts'
import { isFlapping, type AlertState } from './judge.ts'
import { look } from './look.ts'
import { dedupKey, says, type NoticeFacts } from './notice.ts'
import { lastLook, leaveLease, takeLease } from './postgres/lease.ts'
import { claim, delivered, failed, overdue, readDeliveries } from './postgres/notices.ts'
import {
  acknowledge,
  endSilence,
  readHistory,
  readSilences,
  readStates,
  writeHistory,
  writeSilence,
} from './postgres/states.ts'
import { isMetric, type CheckedRule } from './rule.ts'
import { checkAlerts, type AlertSettings } from './settings.ts'
import { isSilenced, type Silence } from './silence.ts'
import { watchReachability } from './unreachable.ts'
import { conditionWords } from './words.ts'

/** What alerts need of a queue. The queue of tenfold fits. */
export interface AlertJobs {
  enqueue(jobs: readonly DeliveryJob[], within: SqlTransaction): Promise<string[]>
}

interface DeliveryJob {
  name: string
  payload: { id: string }
  maxAttempts: number
  priority: number
  backoff: { baseMs: number; maxMs: number }
}

export interface AlertsOptions extends AlertSettings {
  app: string
  db: SystemDatabase
  telemetry: Telemetry
  jobs: AlertJobs
  /** The mail server of channels that name none. */
  smtp?: string | undefined
  /** After how long a message that no worker has sent is sent by whoever looks at the rules, in ms. Defaults to 60000. */
  overdueMs?: number
  /** After how long without the database each process says so by itself, in ms. Defaults to 30000. */
  unreachableMs?: number
}

const HISTORY_SHOWN = 100
const DELIVERY = { maxAttempts: 30, priority: 900, backoff: { baseMs: 2000, maxMs: 10 * 60_000 } }

/** Throws TF_BAD_ALERTS for rules and channels that cannot be used. */
export async function openAlerts(options: AlertsOptions): Promise<Alerts> {
  const { app, db, telemetry, jobs, smtp, overdueMs = 60_000, unreachableMs = 30_000 } = options
  const settings = checkAlerts(options)
  const channels = await openChannels(settings.channels, smtp)
  const facts: NoticeFacts = {
    app,
    env: telemetry.env,
    ...(settings.console !== undefined && { console: settings.console }),
    ...(settings.runbook !== undefined && { runbook: settings.runbook }),
  }
  const sent = telemetry.metrics.counter('tenfold.alerts.sent', { help: 'Messages about alerts.', unit: '{message}' })
  const took = telemetry.metrics.histogram('tenfold.alerts.look.duration', {
    help: 'Duration of the looks at the alert rules.',
    unit: 's',
  })
  const ruleOf = (name: string): CheckedRule => {
    const rule = settings.rules.find((one) => one.name === name)
    if (!rule) throw AlertUnknown({ what: `rule '${name}'`, known: settings.rules.map((one) => one.name) })
    return rule
  }

  const deliver = async (id: string): Promise<void> => {
    const taken = await claim(db, id)
    if (taken.state === 'done') return
    if (taken.state === 'later') throw AlertNotSent({ channel: '?', reason: 'an older message about it goes first' })
    const { channel: name, notice } = taken
    const channel = channels.get(name)
    try {
      if (!channel) throw AlertUnknown({ what: `channel '${name}'`, known: [...channels.keys()] })
      await channel.send(notice)
      sent.add(1, { channel: name, outcome: 'sent' })
    } catch (error) {
      sent.add(1, { channel: name, outcome: 'failed' })
      await failed(db, id, messageOf(error))
      throw error
    }
    await delivered(db, id)
  }

  const deliverOverdue = async (): Promise<void> => {
    for (const id of await overdue(db, overdueMs)) {
      await deliver(id).catch((error: unknown) => {
        telemetry.log.warn('An alert could not be sent', { notice: id, reason: messageOf(error) })
      })
    }
  }

  const parts = {
    db,
    telemetry,
    settings,
    channels: new Set(channels.keys()),
    facts,
    enqueue: async (ids: readonly string[], tx: SqlTransaction) => {
      await jobs.enqueue(
        ids.map((id) => ({ name: DELIVER, payload: { id }, ...DELIVERY })),
        tx,
      )
    },
  }

  const watch = ({ advice }: AlertSources = {}): Service => {
    const { everyMs, deadman } = settings
    const ringing = settings.send.page.map((name) => channels.get(name)).filter((one) => one !== undefined)
    const reach = watchReachability({
      app,
      env: telemetry.env,
      channels: ringing,
      afterMs: unreachableMs,
      log: telemetry.log,
    })
    let timer: NodeJS.Timeout | undefined
    let running: Promise<void> | undefined
    let signalledAt = -Infinity
    let troubled = false

    const once = async (): Promise<void> => {
      const now = Date.now()
      const started = performance.now()
      try {
        // Three looks may be missed before another process goes on.
        if (await takeLease(db, telemetry.instanceId, Math.max(everyMs * 3, 1000))) {
          const looked = await look({ ...parts, advice }, now)
          took.record((performance.now() - started) / 1000)
          if (looked && deadman && now - signalledAt >= deadman.everyMs) {
            signalledAt = now
            await signal(deadman.url)
          }
          await deliverOverdue()
        }
        troubled = false
        await reach.saw(true, now)
      } catch (error) {
        if (!troubled) telemetry.log.error('The alert rules could not be looked at', { err: error })
        troubled = true
        await reach.saw(!isUnreachable(error), Date.now())
      }
    }
    const again = (): void => {
      running ??= once().finally(() => {
        running = undefined
      })
    }
    return {
      name: 'alerts',
      async start() {
        timer = setInterval(again, everyMs)
        timer.unref()
        again()
      },
      async stop() {
        clearInterval(timer)
        await running
        await leaveLease(db, telemetry.instanceId).catch(() => {})
      },
    }
  }

  /** A service outside waits for it: what it answers matters to nobody here. */
  const signal = async (url: string): Promise<void> => {
    await fetch(url, { signal: AbortSignal.timeout(5000) })
      .then((response) => response.arrayBuffer())
      .catch((error: unknown) => telemetry.log.warn('The dead-man signal was not taken', { reason: messageOf(error) }))
  }

  return {
    rules: settings.rules,
    metrics: [...new Set(settings.rules.flatMap(({ when }) => (isMetric(when) ? [when.metric] : [])))],
    watch,
    deliver,

    async overview() {
      const [states, silences, deliveries, history, last] = await Promise.all([
        readStates(db),
        readSilences(db),
        readDeliveries(db),
        readHistory(db, HISTORY_SHOWN),
        lastLook(db),
      ])
      const row = (state: AlertState, rule: CheckedRule): AlertRow => rowOf(state, rule, silences)
      const rank = { firing: 0, pending: 1, ok: 2 }
      return {
        rules: settings.rules
          .map((rule) =>
            ruleRow(
              rule,
              states.filter((state) => state.rule === rule.name).map((one) => row(one, rule)),
            ),
          )
          .sort((a, b) => rank[a.state] - rank[b.state]),
        silences,
        channels: [...channels].map(([name, { kind }]) => {
          const delivery = deliveries.find((one) => one.channel === name)
          return { name, kind, ...(delivery && { delivery }) }
        }),
        history,
        ...(last && { lastLook: last }),
      }
    },

    async silence({ forMs, rule, ...rest }) {
      if (rule !== undefined) ruleOf(rule)
      const startsAt = Date.now()
      const silence = { ...rest, startsAt, endsAt: startsAt + forMs, ...(rule !== undefined && { rule }) }
      const id = await writeSilence(db, silence)
      const what = { rule: rule ?? '*', labels: rest.labels ?? {}, what: 'silenced' as const, by: rest.by }
      await writeHistory(db, [what])
      return id
    },
    endSilence: (id) => endSilence(db, id),
    async acknowledge(rule, by) {
      ruleOf(rule)
      const done = await acknowledge(db, rule, by)
      if (done) await writeHistory(db, [{ rule, labels: {}, what: 'acknowledged', by }])
      return done
    },
    async test(name) {
      const channel = channels.get(name)
      if (!channel) throw AlertUnknown({ what: `channel '${name}'`, known: [...channels.keys()] })
      const at = Date.now()
      const summary = 'This is a test: alerts of this app arrive here.'
      await channel.send({
        ...facts,
        dedupKey: dedupKey(app, telemetry.env, `test-${name}`),
        status: 'test',
        rule: 'test',
        severity: 'info',
        summary,
        todo: 'Nothing.',
        since: at,
        at,
        alerts: [],
      })
    },
    close() {
      for (const channel of channels.values()) channel.close?.()
    },
  }
}

function rowOf({ turns, ...state }: AlertState, rule: CheckedRule, silences: readonly Silence[]): AlertRow {
  return {
    ...state,
    says: says(rule, state.labels, state.value),
    silenced: isSilenced(state, silences, [], Date.now()),
    flapping: isFlapping({ turns }),
  }
}

function ruleRow(rule: CheckedRule, alerts: AlertRow[]): RuleRow {
  const { name, severity, todo, runbook, when, forMs } = rule
  const firing = alerts.filter(({ state }) => state === 'firing')
  const active = firing.length > 0 ? firing : alerts.filter(({ state }) => state === 'pending')
  return {
    name,
    severity,
    state: firing.length > 0 ? 'firing' : active.length > 0 ? 'pending' : 'ok',
    says: active[0]?.says ?? rule.says,
    todo,
    ...(runbook !== undefined && { runbook }),
    when: conditionWords(when),
    forMs,
    alerts: active,
  }
}

/** It was the way to the database, and not what was asked of it. */
function isUnreachable(error: unknown): boolean {
  const { code } = Object(error) as { code?: unknown }
  return typeof code !== 'string' || !/^(?!08|57P0)[0-9A-Z]{5}$/.test(code)
}
