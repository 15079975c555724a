import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { MailLater, openSmtp, SmtpSetting, type SmtpSettings } from './index.ts'

const MAIL = {
  messageId: '<1@shop.example>',
  from: 'Shop <shop@shop.example>',
  recipient: 'ann@x.example',
  to: [{ address: 'ann@x.example' }],
  envelopeFrom: 'shop@shop.example',
  subject: 'Hello',
  text: 'Hi',
}

/** A mail server that begins in the clear and has a certificate that nobody has signed. */
async function server(t: TestContext, options: SMTPServerOptions = {}): Promise<number> {
  const smtp = new SMTPServer({
    onAuth: ({ username, password }, _session, done) =>
      username === 'us@er' && password === 'pa/ss'
        ? done(null, { user: username })
        : done(Object.assign(new Error('Wrong'), { responseCode: 535 })),
    ...options,
  })
  smtp.on('error', () => {})
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise<void>((resolve) => smtp.close(() => resolve())))
  return (smtp.server.address() as AddressInfo).port
}

async function send(settings: SmtpSettings): Promise<string> {
  const smtp = await openSmtp(settings)
  try {
    return await smtp.send(MAIL)
  } finally {
    smtp.close()
  }
}

test('mail goes over TLS, with the user and password of the URL', async (t) => {
  const port = await server(t)
  const tls = { rejectUnauthorized: false }
  assert.match(await send({ url: `smtp://us%40er:pa%2Fss@127.0.0.1:${port}`, tls }), /^250 /)
})

test('a certificate that nobody has signed, a wrong password and a server without TLS are put right, not given up', async (t) => {
  const port = await server(t)
  const plain = await server(t, { disabledCommands: ['STARTTLS'], authOptional: true })
  const tls = { rejectUnauthorized: false }
  for (const [settings, says] of [
    [{ url: `smtp://us%40er:pa%2Fss@127.0.0.1:${port}` }, /certificate/i],
    [{ url: `smtp://us%40er:wrong@127.0.0.1:${port}`, tls }, /535/],
    [{ url: `smtp://127.0.0.1:${plain}`, requireTls: true }, /500 .*not recognized/],
  ] as const)
    await assert.rejects(send(settings), (error: Error) => MailLater.is(error) && says.test(error.message))
})

test('a URL that is no mail server is refused, without its password', async () => {
  for (const url of ['nonsense', 'http://user:hidden@mail.example', 'mail.example:25'])
    await assert.rejects(
      openSmtp({ url }),
      (error: Error) => SmtpSetting.is(error) && !error.message.includes('hidden'),
    )
})
