/** Tells people when something is wrong, once, and when it is over.
 *
 *    every process         one of them (lease)                      a worker
 *    metrics ──> store ──> read ──> judge ──> group ──> notice ──> send ──> webhook, Slack, PagerDuty, e-mail
 *                                                └── in one transaction with the states and the job that sends it
 *
 *  A1  Over any number of processes the rules are looked at by one; when it dies another goes on with what was known.
 *  A2  A message is written in the same transaction as the change it tells of: none is lost, none is made up.
 *  A3  A message is sent until its receiver has taken it (for a day), at least once, about one rule in order. All messages
 *      about one trouble carry the same key, so that a receiver can leave out what it has.
 *  A4  It arrives although no worker runs: after a minute, whoever looks at the rules sends it itself.
 *  A5  While the database is away nobody can look at the rules: then each process says that by itself, under one key.
 *  A6  That nobody looks any more is told by the silence of the dead-man signal, to a service outside. */
import type { Service } from '../kernel/index.ts'
import type { ChannelOptions } from './channels/channel.ts'
import type { AlertState } from './judge.ts'
import type { Delivery } from './postgres/notices.ts'
import type { HistoryEntry } from './postgres/states.ts'
import type { AdviceSource } from './read.ts'
import type { AlertRule, Severity } from './rule.ts'
import type { Silence } from './silence.ts'

/** A rule and how it stands. */
export interface RuleRow {
  name: string
  severity: Severity
  /** `ok` when nothing of it is pending or fires. */
  state: 'ok' | 'pending' | 'firing'
  /** Its sentence, with the values of its first alert filled in. */
  says: string
  todo: string
  runbook?: string
  /** In words: what is read, and when it is too much. */
  when: string
  forMs: number
  alerts: AlertRow[]
}

export interface AlertRow extends Omit<AlertState, 'turns'> {
  says: string
  silenced: boolean
  /** It fires and resolves again and again: it is held until an hour was calm. */
  flapping: boolean
}

export interface AlertsOverview {
  /** Those that fire first. */
  rules: RuleRow[]
  silences: Silence[]
  channels: { name: string; kind: ChannelOptions['kind']; delivery?: Delivery }[]
  history: HistoryEntry[]
  /** When the rules were last looked at, and by which process. */
  lastLook?: { at: number; by: string }
}

export interface NewSilenceRequest {
  by: string
  comment: string
  /** In milliseconds from now. */
  forMs: number
  rule?: string
  labels?: Readonly<Record<string, string>>
}

/** What rules read that is in no metric. */
export interface AlertSources {
  /** What the advisor says now. Without it, rules about advice never fire. */
  advice?: AdviceSource
}

export interface Alerts {
  readonly rules: readonly AlertRule[]
  /** The metrics that the rules read: the store has to keep them. */
  readonly metrics: readonly string[]
  /** Looks at the rules, again and again, in one process at a time. Not yet started. */
  watch(sources?: AlertSources): Service
  /** What a worker does with a job named {@link DELIVER}. */
  deliver(noticeId: string): Promise<void>
  overview(): Promise<AlertsOverview>
  /** Throws TF_ALERT_UNKNOWN for a rule that is not there. */
  silence(request: NewSilenceRequest): Promise<string>
  endSilence(id: string): Promise<boolean>
  /** Nobody is told again about what fires of this rule, nor is it escalated. */
  acknowledge(rule: string, by: string): Promise<boolean>
  /** Sends a test through a channel, now. Throws what went wrong. */
  test(channel: string): Promise<void>
  close(): void
}

/** The job that sends a message; its payload is `{ id }`. */
export const DELIVER = 'tenfold.alert'
