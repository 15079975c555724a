/** One look at all rules: what is read, what comes of it, and who is told. */
import type { SqlTransaction, SystemDatabase } from '../database/index.ts'
import { messageOf } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { tell, type Group } from './group.ts'
import { judge, type AlertState } from './judge.ts'
import { noticeOf, type Notice, type NoticeFacts } from './notice.ts'
import { holdLease, lookedAt } from './postgres/lease.ts'
import { writeNotices } from './postgres/notices.ts'
import {
  readGroups,
  readSilences,
  readStates,
  writeGroups,
  writeHistory,
  writeStates,
  type HistoryEntry,
} from './postgres/states.ts'
import { Reader, type AdviceSource } from './read.ts'
import type { CheckedRule } from './rule.ts'
import type { CheckedAlerts } from './settings.ts'
import { isSilenced } from './silence.ts'

export interface LookParts {
  db: SystemDatabase
  telemetry: Telemetry
  settings: CheckedAlerts
  /** The channels that are there. */
  channels: ReadonlySet<string>
  facts: NoticeFacts
  advice?: AdviceSource | undefined
  /** Enqueues the jobs that send these messages. */
  enqueue(noticeIds: readonly string[], tx: SqlTransaction): Promise<void>
}

type Outgoing = { channel: string; notice: Notice }

/** False when the lease was lost meanwhile: then nothing is written. */
export async function look(parts: LookParts, now: number): Promise<boolean> {
  const { db, telemetry, settings } = parts
  const reader = new Reader(db, now, parts.advice)
  const readings = new Map(
    await Promise.all(
      settings.rules.map(async (rule) => {
        // A rule that cannot be read is as it was; the others are looked at all the same.
        const read = await reader.read(rule.when).catch((error: unknown) => {
          telemetry.log.warn('An alert rule could not be read', { rule: rule.name, reason: messageOf(error) })
          return undefined
        })
        return [rule.name, read] as const
      }),
    ),
  )
  return db.transaction(async (tx) => {
    if (!(await holdLease(tx, telemetry.instanceId))) return false
    const before = Map.groupBy(await readStates(tx), ({ rule }) => rule)
    const states = settings.rules.flatMap((rule) => {
      const known = before.get(rule.name) ?? []
      const read = readings.get(rule.name)
      return read ? judge(rule, known, read, now) : known
    })
    await writeStates(tx, states)
    await writeHistory(tx, changes(before, states))
    const outgoing = await tellGroups(parts, tx, states, now)
    const ids = await writeNotices(tx, outgoing)
    if (ids.length > 0) await parts.enqueue(ids, tx)
    await lookedAt(tx)
    return true
  })
}

function changes(
  before: ReadonlyMap<string, readonly AlertState[]>,
  states: readonly AlertState[],
): Omit<HistoryEntry, 'at'>[] {
  return states.flatMap(({ rule, key, labels, state, value }): Omit<HistoryEntry, 'at'>[] => {
    const was = before.get(rule)?.find((one) => one.key === key)?.state
    if (state === 'firing' && was !== 'firing') return [{ rule, labels, what: 'fired', value }]
    if (state === 'resolved' && was === 'firing') return [{ rule, labels, what: 'resolved', value }]
    return []
  })
}

async function tellGroups(
  { settings, channels, facts, telemetry }: LookParts,
  tx: SqlTransaction,
  states: readonly AlertState[],
  now: number,
): Promise<Outgoing[]> {
  const { rules, maintenance, times, send, escalate } = settings
  const groups = new Map((await readGroups(tx)).map((group) => [group.rule, group]))
  const silences = await readSilences(tx)
  const firing = Map.groupBy(
    states.filter(({ state }) => state === 'firing'),
    ({ rule }) => rule,
  )
  const kept: Group[] = []
  const outgoing: Outgoing[] = []
  const put = (rule: CheckedRule, names: readonly string[], notice: Notice): void => {
    for (const channel of names) if (channels.has(channel)) outgoing.push({ channel, notice })
    // The transaction may run more than once.
    tx.afterCommit(() => {
      if (notice.status === 'firing')
        telemetry.log.warn(notice.summary, { alert: rule.name, severity: rule.severity, todo: rule.todo })
      else telemetry.log.info(`Over: ${notice.summary}`, { alert: rule.name })
    })
  }
  for (const rule of rules) {
    const own = firing.get(rule.name) ?? []
    const inhibited = rule.inhibitedBy?.some((name) => firing.has(name)) ?? false
    const loud = inhibited ? [] : own.filter((state) => !isSilenced(state, silences, maintenance, now))
    const before = groups.get(rule.name)
    const { group, send: status } = tell(
      rule.name,
      before,
      { firing: own, loud },
      rule.once ? { ...times, repeatMs: Infinity } : times,
      now,
    )
    const wentTo = [...send[rule.severity], ...(before?.escalatedAt !== undefined ? (escalate?.to ?? []) : [])]
    if (status === 'firing') put(rule, [...new Set(wentTo)], noticeOf(rule, status, loud, facts, now))
    if (status === 'resolved') {
      const over = states.filter((state) => state.rule === rule.name && state.state === 'resolved')
      const told = over.filter(({ key }) => before?.sent.includes(key))
      put(rule, [...new Set(wentTo)], noticeOf(rule, status, told.length > 0 ? told : over, facts, now))
    }
    if (!group) continue
    const due = escalate !== undefined && isDue(group, loud, escalate.afterMs, now)
    if (due) put(rule, escalate.to, { ...noticeOf(rule, 'firing', loud, facts, now), escalated: true })
    kept.push(due ? { ...group, escalatedAt: now } : group)
  }
  await writeGroups(tx, kept)
  return outgoing
}

/** Told, and for so long nobody has acknowledged it. */
function isDue(group: Group, loud: readonly AlertState[], afterMs: number, now: number): boolean {
  if (group.escalatedAt !== undefined || group.sentAt === undefined) return false
  return loud.some(({ firedAt, acknowledgedBy }) => acknowledgedBy === undefined && now - (firedAt ?? now) >= afterMs)
}
