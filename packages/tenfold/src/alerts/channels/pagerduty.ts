import type { Notice } from '../notice.ts'
import { type Channel, type PagerDutyOptions, post } from './channel.ts'

/** Events API v2. https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ */
export function pagerDuty({ url = 'https://events.pagerduty.com/v2/enqueue' }: PagerDutyOptions, key: string): Channel {
  return { kind: 'pagerduty', send: (notice) => post('pagerduty', url, JSON.stringify(event(notice, key))) }
}

const SEVERITIES: Record<Notice['severity'], string> = {
  page: 'critical',
  warn: 'warning',
  ticket: 'info',
  info: 'info',
}
const MAX_SUMMARY = 1024

function event(notice: Notice, routingKey: string): object {
  const { status, dedupKey, app, env, rule, severity, escalated, summary, todo, link, runbook, at, alerts } = notice
  const common = { routing_key: routingKey, dedup_key: dedupKey }
  if (status === 'resolved') return { ...common, event_action: 'resolve' }
  const links = [
    { href: link, text: 'evidence' },
    { href: runbook, text: 'runbook' },
  ].filter(({ href }) => href !== undefined)
  return {
    ...common,
    event_action: 'trigger',
    ...(link !== undefined && { client: 'tenfold', client_url: link }),
    links,
    payload: {
      summary: `${app} (${env}): ${summary}`.slice(0, MAX_SUMMARY),
      source: `${app}-${env}`,
      severity: escalated ? 'critical' : SEVERITIES[severity],
      timestamp: new Date(at).toISOString(),
      component: app,
      group: env,
      class: rule,
      custom_details: { todo, alerts: alerts.map(({ says, value, labels }) => ({ says, value, ...labels })) },
    },
  }
}
