/** One attempt to send one mail. */
import { MailRefused, type Smtp } from '../mail/index.ts'
import { buffered } from './attachments.ts'
import { begun, settle, suppress, suppressedSince, type Asks } from './store.ts'
import { letterOf, type Templates, type WriteContext } from './template.ts'

/** What the job of a mail is given. */
export interface Order {
  template: string
  key: string
  /** Who gets this copy. */
  to: string
  /** What its head says, where there are several recipients. */
  heads?: { to: readonly string[]; cc: readonly string[] }
  name?: string
  data: unknown
  /** Files of the module's storage. */
  attachments?: readonly { filename: string; file: string; contentType?: string }[]
}

export interface Sender {
  /** `Shop <shop@example.com>` */
  from: string
  /** Where bounces go; each mail gets an address of its own under it. */
  bounces: string | undefined
}

interface Context extends WriteContext {
  input: Order
  lastAttempt: boolean
  db: Asks
}

/** Throws TF_MAIL_REFUSED and TF_MAIL_LATER. */
export async function deliver(
  { input, db, files, signal, lastAttempt }: Context,
  templates: Templates,
  smtp: Smtp,
  { from, bounces }: Sender,
): Promise<object> {
  const { template, key, to, heads, name, data } = input
  const mail = await begun(db, template, key, to)
  if (mail.state !== 'sending' && mail.state !== 'refused') return { skipped: `it is ${mail.state} already` }
  const suppressed = await suppressedSince(db, to)
  if (suppressed) {
    await settle(db, mail.id, 'suppressed', suppressed.reason)
    return { skipped: 'the address is suppressed' }
  }
  const letter = await letterOf(template, templates[template]!, data, { files, signal })
  const fromAddress = addressOf(from)
  try {
    const answer = await smtp.send({
      messageId: messageIdOf(mail.id, fromAddress),
      from,
      recipient: to,
      to: (heads?.to ?? [to]).map((address) => ({ address, ...(name !== undefined && { name }) })),
      ...(heads && { cc: heads.cc }),
      envelopeFrom: bounces === undefined ? fromAddress : bounceAddress(bounces, mail.id),
      subject: letter.subject,
      text: letter.text,
      ...(letter.html && { html: String(letter.html) }),
      ...(letter.replyTo !== undefined && { replyTo: letter.replyTo }),
      ...(letter.headers && { headers: letter.headers }),
      attachments: [...(letter.attachments ?? []), ...(await buffered(files, input.attachments ?? []))],
    })
    await settle(db, mail.id, 'sent', answer)
    return { answer }
  } catch (error) {
    if (MailRefused.is(error) && isUnknownPerson(error.details.status)) await suppress(db, to, error.details.answer)
    if (MailRefused.is(error)) await settle(db, mail.id, 'refused', error.details.answer)
    else if (lastAttempt) await settle(db, mail.id, 'refused', error instanceof Error ? error.message : String(error))
    throw error
  }
}

/** Status codes of RFC 3463 that say that there is nobody: the address is wrong, or its mailbox was closed. */
export function isUnknownPerson(status: string): boolean {
  return /^5\.1\.(?:1|2|3|6|10)$/.test(status) || status === '5.2.1'
}

/** The bare address of `Shop <shop@example.com>`. */
export function addressOf(from: string): string {
  return /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from.trim()
}

function messageIdOf(id: string, from: string): string {
  return `<${id}@${from.slice(from.lastIndexOf('@') + 1)}>`
}

/** Variable envelope return path: `bounces@mail.example` becomes `bounces+<id>@mail.example`. */
function bounceAddress(bounces: string, id: string): string {
  const at = bounces.lastIndexOf('@')
  return `${bounces.slice(0, at)}+${id.replaceAll('-', '')}${bounces.slice(at)}`
}

/** The id of the mail that a Message-ID or a bounce address names. */
export function mailIdIn(text: string): string | undefined {
  const hex = /(?:^<|\+)([0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})@/i.exec(text)?.[1]
  return hex
    ?.toLowerCase()
    .replaceAll('-', '')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
