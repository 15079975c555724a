/** What people are told, as data: every channel renders the same notice. */
import { createHash } from 'node:crypto'
import type { AlertState } from './judge.ts'
import type { CheckedRule, Severity } from './rule.ts'

export interface Notice {
  /** The same for all messages about one trouble, and for its end: receivers de-duplicate by it. At most 64 characters. */
  dedupKey: string
  status: 'firing' | 'resolved' | 'test'
  /** Nobody has answered for a while: it goes to those who are to be woken. */
  escalated?: true
  app: string
  env: string
  rule: string
  severity: Severity
  summary: string
  todo: string
  /** Where the evidence is: the console's page about it. */
  link?: string
  runbook?: string
  /** When the first of them fired. In ms since 1970. */
  since: number
  at: number
  alerts: { labels: Readonly<Record<string, string>>; value: number; says: string; since: number }[]
}

export interface NoticeFacts {
  app: string
  env: string
  /** Where the console is, for links. */
  console?: string
  /** Where the runbook is, when a rule names no page of its own. */
  runbook?: string
}

const MAX_ALERTS = 50

export function noticeOf(
  rule: CheckedRule,
  status: Notice['status'],
  states: readonly AlertState[],
  facts: NoticeFacts,
  now: number,
): Notice {
  const { app, env, console, runbook } = facts
  const told = states.slice(0, MAX_ALERTS).map(({ labels, value, firedAt, activeAt }) => ({
    labels,
    value,
    says: says(rule, labels, value),
    since: firedAt ?? activeAt,
  }))
  const page = rule.runbook ?? (runbook === undefined ? undefined : `${runbook}#${rule.name}`)
  return {
    dedupKey: dedupKey(app, env, rule.name),
    status,
    app,
    env,
    rule: rule.name,
    severity: rule.severity,
    summary: summaryOf(told, states.length) ?? rule.says,
    todo: rule.todo,
    ...(console !== undefined && {
      link: `${console.replace(/\/$/, '')}/alerts?open=${encodeURIComponent(rule.name)}`,
    }),
    ...(page !== undefined && { runbook: page }),
    since: Math.min(now, ...told.map(({ since }) => since)),
    at: now,
    alerts: told,
  }
}

export function dedupKey(app: string, env: string, rule: string): string {
  return createHash('sha256')
    .update(JSON.stringify([app, env, rule]))
    .digest('hex')
}

/** The rule's sentence with its value and labels filled in. */
export function says(rule: Pick<CheckedRule, 'says'>, labels: Readonly<Record<string, string>>, value: number): string {
  return rule.says.replaceAll(/\{([\w.]+)\}/g, (whole, name: string) => {
    if (name === 'value') return short(value)
    if (name === 'percent') return `${short(value * 100)} %`
    return labels[name] ?? whole
  })
}

function summaryOf(told: Notice['alerts'], all: number): string | undefined {
  const [first] = told
  if (!first) return undefined
  return all > 1 ? `${first.says} And ${all - 1} more.` : first.says
}

/** Three digits that count, without an exponent. */
function short(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3
  return String(Number(value.toFixed(digits)))
}
