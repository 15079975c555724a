import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'

/** A real SMTP server that keeps what it gets. */
export interface Mailbox {
  /** For SMTP_URL. */
  url: string
  mails: Email[]
  to(address: string): Email[]
  close(): Promise<void>
}

export async function startMailbox(): Promise<Mailbox> {
  const mails: Email[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, _session, done) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        PostalMime.parse(Buffer.concat(pieces)).then((mail) => {
          mails.push(mail)
          done()
        }, done)
      })
    },
  })
  server.on('error', () => {}) // a client that was killed in the middle of a mail
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails,
    to: (address) => mails.filter((mail) => mail.to?.some((one) => one.address === address)),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
