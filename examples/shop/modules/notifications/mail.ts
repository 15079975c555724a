import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import type { Db } from 'tenfold'
import type { NotificationsTables } from './tables.gen.ts'

export interface Mail {
  /** Together with `key` the identity of the mail: nobody gets the same one twice. */
  kind: 'welcome' | 'receipt' | 'refund'
  key: string
  to: string
  subject: string
  text: string
  attachments?: { filename: string; content: Buffer; contentType: string }[]
}

export interface MailServer {
  SMTP_URL: string
  MAIL_FROM: string
}

/** Sends a mail once. SMTP cannot take part in a transaction, so one gap remains: the server has taken the mail, and we die
 *  before we have written that down. Then it goes out again under the same Message-ID, by which mail programs know a
 *  duplicate. Losing a receipt would be worse than that. */
export async function sendOnce(mail: Mail, { db, settings }: { db: Db<NotificationsTables>; settings: MailServer }) {
  const { kind, key } = mail
  const messageId = `<${createHash('sha256').update(`${kind} ${key}`).digest('hex').slice(0, 32)}@shop.example>`
  await db
    .insertInto('mails')
    .values({ kind, key, recipient: mail.to, message_id: messageId })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const row = await db
    .selectFrom('mails')
    .select('sent_at')
    .where('kind', '=', kind)
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
  if (row.sent_at) return

  const transport = createTransport(settings.SMTP_URL, { from: settings.MAIL_FROM })
  try {
    const { to, subject, text, attachments } = mail
    await transport.sendMail({ messageId, to, subject, text, ...(attachments && { attachments }) })
  } finally {
    transport.close()
  }
  await db.updateTable('mails').set({ sent_at: new Date() }).where('kind', '=', kind).where('key', '=', key).execute()
}
