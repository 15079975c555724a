/** A real SMTP server for development: what the app sends is kept instead of delivered, and can be read in the console. */
import type { AddressInfo } from 'node:net'
import { importPeer, messageOf } from '../kernel/index.ts'
import type { MigrationSource, SystemDatabase } from '../database/index.ts'
import type { Telemetry } from '../telemetry/index.ts'

export const migrations: MigrationSource = {
  module: 'tenfold.mail',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}

export interface CaughtMail {
  id: string
  /** Milliseconds since 1970. */
  time: number
  from: string
  to: string[]
  subject: string
}

export interface CaughtMailDetail extends CaughtMail {
  text: string
  html?: string
  attachments: { filename: string; contentType: string; sizeBytes: number }[]
}

export interface MailCatcher {
  /** For SMTP_URL. */
  readonly url: string
  stop(): Promise<void>
}

export interface CaughtMails {
  /** The latest 200, newest first. */
  mails(): Promise<CaughtMail[]>
  mail(id: string): Promise<CaughtMailDetail | undefined>
}

const KEPT = 1000
const LARGEST = 25 * 1024 * 1024

/** Starts the mail server on a free port of the loopback address. Needs the npm packages `smtp-server` and `postal-mime`. */
export async function startMailCatcher(db: SystemDatabase, telemetry: Telemetry): Promise<MailCatcher> {
  const { SMTPServer } = await importPeer('smtp-server', 'the mail server for development', () => import('smtp-server'))
  const parse = await parser()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    size: LARGEST,
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (stream.sizeExceeded) return callback(Object.assign(new Error('Message too large'), { responseCode: 552 }))
        const sender = session.envelope.mailFrom ? session.envelope.mailFrom.address : ''
        const recipients = session.envelope.rcptTo.map((recipient) => recipient.address)
        keep(db, parse, { sender, recipients, raw: Buffer.concat(chunks) }).then(
          () => callback(),
          (error: unknown) => callback(new Error(messageOf(error))),
        )
      })
    },
  })
  server.on('error', (error: Error) => telemetry.log.debug('A mail client failed.', { reason: error.message }))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.server.address() as AddressInfo
  return { url: `smtp://127.0.0.1:${port}`, stop: () => new Promise((resolve) => server.close(() => resolve())) }
}

export function readCaughtMails(db: SystemDatabase): CaughtMails {
  return {
    async mails() {
      const { rows } = await db.query<Row>(
        'select id, received_at, sender, recipients, subject from tenfold.caught_mail order by received_at desc limit 200',
      )
      return rows.map(summaryOf)
    },
    async mail(id) {
      if (!/^[0-9a-f-]{36}$/.test(id)) return undefined
      const { rows } = await db.query<Row & { raw: Buffer }>('select * from tenfold.caught_mail where id = $1', [id])
      const row = rows[0]
      if (!row) return undefined
      const parsed = await (await parser())(row.raw)
      return {
        ...summaryOf(row),
        text: parsed.text ?? '',
        ...(parsed.html && { html: parsed.html }),
        attachments: parsed.attachments.map(({ filename, mimeType, content }) => ({
          filename: filename ?? 'attachment',
          contentType: mimeType,
          sizeBytes: typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength,
        })),
      }
    },
  }
}

interface Row {
  id: string
  received_at: Date
  sender: string
  recipients: string[]
  subject: string
}

function summaryOf({ id, received_at, sender, recipients, subject }: Row): CaughtMail {
  return { id, time: received_at.getTime(), from: sender, to: recipients, subject }
}

interface ParsedMail {
  subject?: string | undefined
  text?: string | undefined
  html?: string | undefined
  attachments: { filename: string | null; mimeType: string; content: ArrayBuffer | Uint8Array | string }[]
}

async function parser(): Promise<(raw: Buffer) => Promise<ParsedMail>> {
  const { default: PostalMime } = await importPeer(
    'postal-mime',
    'the mail server for development',
    () => import('postal-mime'),
  )
  return (raw) => PostalMime.parse(raw)
}

async function keep(
  db: SystemDatabase,
  parse: (raw: Buffer) => Promise<ParsedMail>,
  mail: { sender: string; recipients: string[]; raw: Buffer },
): Promise<void> {
  const { subject = '' } = await parse(mail.raw)
  await db.query('insert into tenfold.caught_mail (sender, recipients, subject, raw) values ($1, $2, $3, $4)', [
    mail.sender,
    mail.recipients,
    subject,
    mail.raw,
  ])
  await db.query(
    `delete from tenfold.caught_mail where id in (select id from tenfold.caught_mail order by received_at desc offset ${KEPT})`,
  )
}
