/** Sending by SMTP, over a pool of connections that is kept open, by nodemailer. */
import { importPeer, messageOf } from '../kernel/index.ts'
import { MailLater, MailRefused, SmtpSetting } from './errors.ts'

export interface SmtpSettings {
  /** `smtp://user:password@host:587` begins in the clear and goes on in TLS where the server offers that;
   *  `smtps://…:465` is TLS from the first byte. */
  url: string
  /** Connections of one process. Defaults to 5. */
  connections?: number
  /** Mails over one connection before it is closed. Defaults to 100. */
  perConnection?: number
  /** Refuses to send without TLS. Defaults to false, since mail servers in one's own network often have none. */
  requireTls?: boolean
  /** Given to Node's `tls.connect`: `ca`, `minVersion`, `servername`. */
  tls?: object
  /** Signs each mail (RFC 6376), where the server does not do that itself. */
  dkim?: { domain: string; selector: string; privateKey: string }
  /** What this host calls itself in the greeting. Defaults to its host name. */
  name?: string
}

/** One mail to one person. */
export interface Outgoing {
  /** With angle brackets; stays the same over all attempts. */
  messageId: string
  /** `Shop <shop@example.com>` */
  from: string
  /** Whom this copy goes to. */
  recipient: string
  /** What its head says. */
  to: readonly { address: string; name?: string }[]
  cc?: readonly string[]
  replyTo?: string
  /** Where bounces go. */
  envelopeFrom: string
  subject: string
  text: string
  html?: string
  headers?: Readonly<Record<string, string>>
  attachments?: readonly { filename: string; content: Uint8Array | string; contentType?: string; cid?: string }[]
}

export interface Smtp {
  /** Resolves to what the server said when it took the mail. Throws TF_MAIL_REFUSED for what no further attempt would change
   *  (5xx, RFC 5321 4.2.1), and TF_MAIL_LATER for all else. */
  send(mail: Outgoing): Promise<string>
  close(): void
}

/** What we need of nodemailer; structural, so that it never enters our types. */
interface Transport {
  sendMail(mail: object): Promise<{ response?: string }>
  close(): void
}

export async function openSmtp(settings: SmtpSettings): Promise<Smtp> {
  const peer = 'nodemailer' // in a variable: it is not known when types are checked
  const nodemailer = (await importPeer(peer, 'tenfold/mail', () => import(peer))) as {
    createTransport(options: object): Transport
  }
  const transport = nodemailer.createTransport(optionsOf(settings))
  return {
    async send({ envelopeFrom, recipient, headers, ...mail }) {
      try {
        const { response = '' } = await transport.sendMail({
          ...mail,
          headers: { ...headers },
          envelope: { from: envelopeFrom, to: recipient },
          // Templates give content, never places: a file or URL named in data is not read.
          disableFileAccess: true,
          disableUrlAccess: true,
        })
        return response
      } catch (error) {
        throw failureOf(error, recipient)
      }
    },
    close: () => transport.close(),
  }
}

function optionsOf({ url, connections, perConnection, requireTls, tls, dkim, name }: SmtpSettings): object {
  if (!URL.canParse(url)) throw SmtpSetting({ problem: 'its URL is none' })
  const { protocol, hostname, port, username, password } = new URL(url)
  if (protocol !== 'smtp:' && protocol !== 'smtps:') {
    throw SmtpSetting({ problem: `its URL begins with '${protocol}'` })
  }
  const secure = protocol === 'smtps:'
  return {
    pool: true,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (secure ? 465 : 587),
    secure,
    requireTLS: requireTls === true,
    maxConnections: connections ?? 5,
    maxMessages: perConnection ?? 100,
    // A mail whose connection broke may have been taken: whether it goes again is for the job to say.
    maxRequeues: 0,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 60_000,
    ...(username && { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    ...(tls && { tls }),
    ...(name !== undefined && { name }),
    ...(dkim && { dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.privateKey } }),
  }
}

interface SmtpFailure {
  responseCode?: number
  response?: string
  command?: string
  code?: string
}

/** A refused greeting or login is about us, not about this mail: it is put right and tried again. */
const ABOUT_THE_MAIL = /^(?:MAIL FROM|RCPT TO|DATA)/i

function failureOf(error: unknown, recipient: string): Error {
  const { responseCode = 0, response, command = '', code } = error as SmtpFailure
  const answer = (response ?? messageOf(error)).replaceAll(/\s+/g, ' ').slice(0, 500)
  const refused = responseCode >= 500 && responseCode < 600 && ABOUT_THE_MAIL.test(command)
  if (refused || (code === 'EENVELOPE' && responseCode === 0)) {
    const status = /\b5\.\d{1,3}\.\d{1,3}\b/.exec(answer)?.[0] ?? ''
    return MailRefused({ recipient, answer, status }, { cause: error })
  }
  return MailLater({ recipient, answer }, { cause: error })
}
