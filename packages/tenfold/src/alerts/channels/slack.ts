import type { Notice } from '../notice.ts'
import { type Channel, post } from './channel.ts'

/** An incoming webhook. https://api.slack.com/messaging/webhooks */
export function slack(url: string): Channel {
  return { kind: 'slack', send: (notice) => post('slack', url, JSON.stringify(message(notice))) }
}

const SIGNS: Record<Notice['severity'], string> = {
  page: ':rotating_light:',
  warn: ':warning:',
  ticket: ':ticket:',
  info: ':information_source:',
}
const MAX_LINES = 10

function message(notice: Notice): object {
  const { status, severity, app, env, summary, todo, link, runbook, alerts } = notice
  const over = status === 'resolved'
  const sign = over ? ':white_check_mark:' : SIGNS[severity]
  const title = `${sign} *${over ? 'Resolved' : severity}* · ${escape(app)} (${escape(env)}): ${escape(summary)}`
  const more = over || alerts.length < 2 ? [] : alerts.slice(0, MAX_LINES).map(({ says }) => `• ${escape(says)}`)
  const links = [link && `<${link}|evidence>`, runbook && `<${runbook}|runbook>`].filter(Boolean).join(' · ')
  const text = [title, ...more, over ? '' : escape(todo), links].filter(Boolean).join('\n')
  return { text, blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }] }
}

/** https://api.slack.com/reference/surfaces/formatting#escaping */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
