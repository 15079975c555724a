/** The rows of mails, and who is not written to any more. */
import type { Result } from '../database/index.ts'

/** A module's `db`, or a transaction of it. */
export interface Asks {
  sql<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Result<Row>>
}

export interface MailContext {
  readonly db: Asks
}

export type MailState = 'sending' | 'sent' | 'refused' | 'suppressed' | 'bounced' | 'complained'

export interface SentMail {
  id: string
  template: string
  key: string
  recipient: string
  state: MailState
  /** What the mail server said, or why it was not sent. */
  answer: string | undefined
  createdAt: Date
  sentAt: Date | undefined
}

interface Row {
  id: string
  template: string
  key: string
  recipient: string
  state: MailState
  answer: string | null
  created_at: Date
  sent_at: Date | null
}

export function mailOf(row: Row): SentMail {
  const { id, template, key, recipient, state, answer, created_at, sent_at } = row
  return {
    id,
    template,
    key,
    recipient,
    state,
    answer: answer ?? undefined,
    createdAt: created_at,
    sentAt: sent_at ?? undefined,
  }
}

/** The row of this mail, which is there from its first attempt on. */
export async function begun(db: Asks, template: string, key: string, recipient: string): Promise<SentMail> {
  await db.sql`
    insert into mail_message (template, key, recipient) values (${template}, ${key}, ${recipient})
    on conflict (template, key) do nothing`
  const { rows } = await db.sql<Row>`select * from mail_message where template = ${template} and key = ${key}`
  return mailOf(rows[0]!)
}

export async function settle(db: Asks, id: string, state: MailState, answer: string): Promise<void> {
  await db.sql`
    update mail_message set state = ${state}, answer = ${answer.slice(0, 500)},
           sent_at = case when ${state} = 'sent' then now() else sent_at end
     where id = ${id}::uuid`
}

export async function mailById(db: Asks, id: string): Promise<SentMail | undefined> {
  const { rows } = await db.sql<Row>`select * from mail_message where id = ${id}::uuid`
  return rows[0] && mailOf(rows[0])
}

/** Addresses are compared without regard to case: hardly any mail server tells `Ann@` from `ann@`. */
export async function suppress(db: Asks, address: string, reason: string): Promise<void> {
  await db.sql`
    insert into mail_suppressed (address, reason) values (lower(${address}), ${reason.slice(0, 500)})
    on conflict (address) do nothing`
}

export async function suppressedSince(db: Asks, address: string): Promise<{ reason: string; since: Date } | undefined> {
  const { rows } = await db.sql<{ reason: string; since: Date }>`
    select reason, since from mail_suppressed where address = lower(${address})`
  return rows[0]
}

/** False if it was not there. */
export async function unsuppress(db: Asks, address: string): Promise<boolean> {
  const { rowCount } = await db.sql`delete from mail_suppressed where address = lower(${address})`
  return rowCount > 0
}

export async function listMails(
  db: Asks,
  { recipient, limit = 100 }: { recipient?: string; limit?: number } = {},
): Promise<SentMail[]> {
  const { rows } = await db.sql<Row>`
    select * from mail_message where ${recipient ?? null}::text is null or lower(recipient) = lower(${recipient ?? null})
     order by id desc limit ${Math.min(1000, limit)}`
  return rows.map(mailOf)
}

const AT_ONCE = 5000

/** Forgets older mails, some thousand at a time, so that nobody waits for long. Who is suppressed stays so. */
export async function clean(db: Asks, keepMs: number): Promise<{ forgotten: number }> {
  const before = new Date(Date.now() - keepMs)
  let forgotten = 0
  for (;;) {
    const { rowCount } = await db.sql`
      delete from mail_message where id in
        (select id from mail_message where created_at < ${before} order by created_at limit ${AT_ONCE})`
    forgotten += rowCount
    if (rowCount < AT_ONCE) return { forgotten }
  }
}
