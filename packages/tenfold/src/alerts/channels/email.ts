import { importPeer, messageOf } from '../../kernel/index.ts'
import { AlertNotSent } from '../errors.ts'
import type { Notice } from '../notice.ts'
import type { Channel, EmailOptions } from './channel.ts'

/** What we need of nodemailer; structural, so that it never enters our types. */
interface Nodemailer {
  createTransport(url: string, defaults: object): { sendMail(mail: object): Promise<unknown>; close(): void }
}

/** A mail by SMTP. Messages about one trouble are one thread. */
export async function email({ from }: EmailOptions, to: readonly string[], smtp: string): Promise<Channel> {
  const nodemailer = (await importPeer('nodemailer', "an alert channel of kind 'email'", async () => {
    // A name in a variable: the peer is not known when types are checked.
    const peer = 'nodemailer'
    return import(peer)
  })) as { default?: Nodemailer } & Nodemailer
  const limits = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 }
  const transport = (nodemailer.default ?? nodemailer).createTransport(smtp, limits)
  return {
    kind: 'email',
    async send(notice) {
      const thread = `<${notice.dedupKey}-${notice.since}@tenfold.alerts>`
      const headers = { 'Auto-Submitted': 'auto-generated' }
      try {
        await transport.sendMail({
          from,
          to,
          subject: subject(notice),
          text: text(notice),
          references: thread,
          inReplyTo: thread,
          headers,
        })
      } catch (error) {
        throw AlertNotSent({ channel: 'email', reason: messageOf(error) }, { cause: error })
      }
    },
    close: () => transport.close(),
  }
}

function subject({ status, severity, app, env, summary }: Notice): string {
  return `[${status === 'resolved' ? 'resolved' : severity}] ${app} (${env}): ${summary}`
    .replaceAll(/\s+/g, ' ')
    .slice(0, 200)
}

function text({ status, summary, todo, alerts, link, runbook, since }: Notice): string {
  const lines = [
    status === 'resolved' ? 'This is over:' : 'This needs somebody:',
    '',
    summary,
    ...(alerts.length > 1 ? ['', ...alerts.map(({ says }) => `  - ${says}`)] : []),
    '',
    `Since ${new Date(since).toISOString()}.`,
    ...(status === 'resolved' ? [] : [todo]),
    '',
    ...(link ? [`Evidence: ${link}`] : []),
    ...(runbook ? [`Runbook: ${runbook}`] : []),
  ]
  return `${lines.join('\n').trim()}\n`
}
