import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { MailAddress, MailInvalid, MailRecipients, MailTemplate } from '../mailer/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { posting, seen } from './mail.fixture.ts'

interface Got extends Email {
  envelopeFrom: string
  raw: string
}

/** A real SMTP server; what it answers is in the address: `450@` at the recipient, `data-554@` after the content. */
async function startServer() {
  const got: Got[] = []
  const asked = new Map<string, number>()
  let connections = 0
  const hooks: { taken?: (mail: Got) => void } = {}
  const failure = (answer: string): Error =>
    Object.assign(new Error(answer.slice(4)), { responseCode: Number(answer.slice(0, 3)) })
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onConnect: (_session, done) => (connections++, done()),
    onRcptTo({ address }, _session, done) {
      const times = (asked.get(address) ?? 0) + 1
      asked.set(address, times)
      if (address.startsWith('nobody')) return done(failure('550 5.1.1 No such user'))
      if (address.startsWith('unwelcome')) return done(failure('550 5.7.1 You are not welcome'))
      if (address.startsWith('later') && times === 1) return done(failure('450 4.2.0 Come back later'))
      if (address.startsWith('never')) return done(failure('451 4.7.0 Too much'))
      done()
    },
    onData(stream, { envelope }, done) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        const raw = Buffer.concat(pieces)
        const to = envelope.rcptTo[0]!.address
        if (to.startsWith('spam')) return done(failure('554 5.7.1 This is spam'))
        void PostalMime.parse(raw).then((mail) => {
          const one = { ...mail, envelopeFrom: (envelope.mailFrom as { address: string }).address, raw: raw.toString() }
          got.push(one)
          hooks.taken?.(one)
          done()
        })
      })
    },
  })
  server.on('error', () => {}) // a client that was killed
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    hooks,
    to: (address: string) => got.filter((mail) => mail.to?.some((one) => one.address === address)),
    asked: (address: string) => asked.get(address) ?? 0,
    connections: () => connections,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

async function until(what: string, holds: () => Promise<unknown> | unknown): Promise<void> {
  const deadline = Date.now() + 90_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`still not: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const DKIM_KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

async function act<T = any>(app: TestApp, what: string, given: object, expected = 200): Promise<T> {
  const reply = await app.fetch('/act', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ act: what, given }),
  })
  const body = await reply.json()
  assert.equal(reply.status, expected, JSON.stringify(body))
  return body as T
}

describe('mail', () => {
  let app: TestApp
  let server: Awaited<ReturnType<typeof startServer>>
  before(async () => {
    server = await startServer()
    app = await startTestApp(posting, { variables: { SMTP_URL: server.url, DKIM_KEY } })
  })
  after(async () => {
    await app.close()
    await server.close()
  })
  const state = async (recipient: string) => (await act(app, 'list', { recipient }))[0]
  const dead = (search: string) => app.instance.queue.list({ name: 'post.mail', state: 'dead', search })

  test('is written by its template, escaped, signed, and goes to one person', async () => {
    await act(app, 'file', { key: 'reports/1', text: 'a,b' })
    const attachments = [{ filename: 'report.csv', file: 'reports/1' }]
    const name = 'Ann <i>"&\'</i>'
    await act(app, 'send', {
      template: 'welcome',
      to: 'ann@x.example',
      name: 'Ann, Author',
      data: { name },
      attachments,
    })
    await until('it has come', () => server.to('ann@x.example').length === 1)
    const [mail] = server.to('ann@x.example') as [Got]
    assert.equal(mail.subject, `Welcome, ${name}`)
    assert.equal(mail.text!.trim(), `Hello ${name}!`)
    const escaped = 'Ann &lt;i&gt;&quot;&amp;&#39;&lt;/i&gt;'
    assert.equal(
      mail.html!.replaceAll(/\s+/g, ' ').trim(),
      `<p title="${escaped}">Hello ${escaped}!</p> <b>1</b><b>2</b>`,
    )
    assert.deepEqual(
      [mail.from, mail.to],
      [{ address: 'shop@shop.example', name: 'The Shop' }, [{ address: 'ann@x.example', name: 'Ann, Author' }]],
    )
    assert.deepEqual(
      mail.attachments.map((one) => [one.filename, one.mimeType, Buffer.from(one.content as ArrayBuffer).toString()]),
      [['report.csv', 'text/csv', 'a,b']],
    )
    assert.match(mail.raw, /^DKIM-Signature: v=1; a=rsa-sha256;[^]*d=shop\.example;\s+q=dns\/txt; s=s1;/m)
    assert.match(mail.raw, /^List-Unsubscribe: <https:\/\/shop\.example\/stop>/m)
    await until('it is written down', async () => (await state('ann@x.example'))?.state === 'sent')
    const { id } = await state('ann@x.example')
    assert.equal(mail.messageId, `<${id}@shop.example>`)
    assert.equal(mail.envelopeFrom, `bounces+${id.replaceAll('-', '')}@mail.shop.example`)
  })

  test('goes out with its transaction, and once for each key', async () => {
    const to = 'once@x.example'
    await act(app, 'abandon', { to: 'abandoned@x.example' }, 500)
    await Promise.all([1, 2, 3].map(() => act(app, 'send', { to, key: 'k1' })))
    await until('it is sent', async () => (await state(to))?.state === 'sent')
    await act(app, 'send', { to, key: 'k1' })
    await app.drain()
    assert.equal(server.to(to).length, 1)
    assert.equal(server.asked('abandoned@x.example'), 0)
  })

  test('that cannot be sent is refused before it is queued', async () => {
    const code = async (given: object, status: number) => (await act(app, 'send', given, status)).code
    for (const to of ['', 'ann', 'a@b, c@d', 'Ann <a@b.example>', 'a@b\r\nBcc: c@d'])
      assert.equal(await code({ to }, 422), MailAddress.code, JSON.stringify(to))
    assert.equal(await code({ to: 'a@x.example', template: 'unknown' }, 500), MailTemplate.code)
    assert.equal(await code({ to: 'a@x.example', template: 'constructor' }, 500), MailTemplate.code)
    assert.equal(await code({ to: 'a@x.example', template: 'welcome', data: {} }, 500), MailInvalid.code)
  })

  test('goes to each of several people on their own, and one who is not there keeps it from nobody', async () => {
    const to = ['first@x.example', 'nobody-here@x.example']
    const given = { to, cc: ['copied@x.example', 'First@x.example'], bcc: ['hidden@x.example'], key: 'several' }
    await act(app, 'send', given)
    const got = () => server.to('first@x.example')
    await until('all have it', async () => {
      await app.drain()
      return got().length === 3
    })
    for (const mail of got()) {
      assert.deepEqual(
        mail.to!.map((one) => one.address),
        to,
      )
      assert.deepEqual(
        mail.cc!.map((one) => one.address),
        ['copied@x.example', 'First@x.example'],
      )
      assert.doesNotMatch(mail.raw, /hidden/)
    }
    const states = await Promise.all(['hidden', 'copied', 'nobody-here'].map((one) => state(`${one}@x.example`)))
    assert.deepEqual(
      states.map((one) => one.state),
      ['sent', 'sent', 'refused'],
    )
    assert.equal(new Set(got().map((mail) => mail.envelopeFrom)).size, 3, 'a bounce says whose it is')
    await act(app, 'send', given)
    await app.drain()
    assert.equal(got().length, 3)
    const many = Array.from({ length: 101 }, (_, i) => `a${i}@x.example`)
    for (const refused of [[], many])
      assert.equal((await act(app, 'send', { to: refused }, 422)).code, MailRecipients.code)
  })

  test('is tried again when the server says later, and not when it says no', async () => {
    for (const to of [
      'later@x.example',
      'never@x.example',
      'nobody@x.example',
      'unwelcome@x.example',
      'spam@x.example',
    ])
      await act(app, 'send', { to })
    await until('it has come', () => server.to('later@x.example').length === 1)
    for (const to of ['never@', 'nobody@', 'unwelcome@', 'spam@'])
      await until(`${to} is dead`, async () => (await dead(to)).length === 1)
    assert.deepEqual(
      ['later', 'never', 'nobody', 'unwelcome', 'spam'].map((who) => server.asked(`${who}@x.example`)),
      [2, 3, 1, 1, 1],
    )
    const { state: refused, answer } = await state('nobody@x.example')
    assert.deepEqual([refused, answer], ['refused', '550 5.1.1 No such user'])
    assert.match((await dead('spam@'))[0]!.error!, /refused for good: 554 5\.7\.1 This is spam/)
    assert.match((await state('never@x.example')).answer, /451 4\.7\.0/)
    const suppressed = async (who: string) => (await act(app, 'suppressed', { address: `${who}@X.example` }))?.reason
    assert.match(await suppressed('nobody'), /No such user/)
    assert.equal(await suppressed('unwelcome'), undefined, 'what is about us says nothing about them')
    await act(app, 'send', { to: 'Nobody@x.example' })
    await until(
      'it is suppressed',
      async () => (await act(app, 'list', { recipient: 'nobody@x.example' }))[0].state === 'suppressed',
    )
    assert.equal(server.asked('Nobody@x.example'), 0)
  })

  test('is sent after all when a dead letter is retried', async () => {
    const [letter] = await dead('unwelcome@')
    await app.instance.queue.retry(letter!.id)
    await until('it was asked again', () => server.asked('unwelcome@x.example') === 2)
  })

  test('shares few connections', async () => {
    const before = server.connections()
    await Promise.all(Array.from({ length: 20 }, (_, n) => act(app, 'send', { to: `many${n}@x.example` })))
    await until('all have come', () =>
      Array.from({ length: 20 }, (_, n) => server.to(`many${n}@x.example`).length).every((n) => n === 1),
    )
    assert.ok(server.connections() - before <= 4, `${server.connections() - before} connections`)
  })

  const bounceOf = (mail: Got, { action = 'failed', status = '5.1.1', to = mail.envelopeFrom, original = true }) =>
    [
      'From: MAILER-DAEMON@mx.example',
      `To: ${to}`,
      'Subject: Undelivered Mail Returned to Sender',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
      '', '--b', 'Content-Type: text/plain', '', 'It could not be delivered.',
      '--b', 'Content-Type: message/delivery-status', '',
      'Reporting-MTA: dns; mx.example', '',
      `Final-Recipient: rfc822; somebody-else@x.example`,
      `Action: ${action}`, `Status: ${status}`, `Diagnostic-Code: smtp; 550 ${status} The mailbox`, '  is not there', '',
      ...(original ? ['--b', 'Content-Type: message/rfc822', '', mail.raw] : []),
      '--b--', '',
    ].join('\r\n') // prettier-ignore

  const sent = async (to: string): Promise<Got> => {
    await act(app, 'send', { to })
    await until('it is sent', async () => (await state(to))?.state === 'sent')
    return server.to(to)[0]!
  }

  test('that bounces is known by its own address or its Message-ID, and its address is not written to again', async () => {
    for (const [to, how] of [
      ['left@x.example', { original: false }],
      ['closed@x.example', { to: 'shop@shop.example', status: '5.2.1' }],
    ] as const) {
      const raw = bounceOf(await sent(to), how)
      const told = await act(app, 'bounced', { raw })
      assert.deepEqual(
        [told.recipient, told.kind, told.suppressed],
        [to, 'failed', true],
        'never whom the report names',
      )
      assert.deepEqual(
        [(await state(to)).state, (await state(to)).answer],
        [
          'bounced',
          `${'status' in how ? '5.2.1' : '5.1.1'} 550 ${'status' in how ? '5.2.1' : '5.1.1'} The mailbox is not there`,
        ],
      )
      await act(app, 'bounced', { raw })
      await until('it is told', () => seen.some((one) => one.startsWith(`${to} failed`)))
      await app.drain()
      assert.equal(seen.filter((one) => one.startsWith(to)).length, 1, 'and once')
      assert.equal(await act(app, 'unsuppress', { address: to.toUpperCase() }), true)
      const letters = await app.instance.queue.list({ name: 'post.mail-returned', state: 'dead', search: to })
      assert.match(letters[0]!.error!, new RegExp(`^The mail 'plain' to ${to} came back: `))
      assert.equal(letters.length, 1)
    }
  })

  test('that is late, full or unwanted is told apart from that', async () => {
    const full = await sent('full@x.example')
    const bounced = (raw: string) => act(app, 'bounced', { raw })
    assert.equal((await bounced(bounceOf(full, { action: 'delayed', status: '4.4.1' }))).kind, 'delayed')
    assert.equal((await state('full@x.example')).state, 'sent')
    assert.equal((await bounced(bounceOf(full, { status: '5.2.2' }))).suppressed, false)
    const angry = await sent('angry@x.example')
    const complaint = bounceOf(angry, {})
      .replace('delivery-status;', 'feedback-report;')
      .replace('message/delivery-status', 'message/feedback-report')
    assert.deepEqual((({ kind, suppressed }) => [kind, suppressed])(await bounced(complaint)), ['complaint', true])
    assert.equal(await bounced('From: ann@x.example\r\nSubject: I am away\r\n\r\nUntil Monday.'), null)
    const forged = bounceOf(full, {})
      .replaceAll(/[0-9a-f]{32}@/g, `${'0'.repeat(32)}@`)
      .replaceAll(/[0-9a-f-]{36}@/g, 'x@')
    assert.equal(await bounced(forged), null)
  })

  test('goes out again under the same Message-ID when its worker was killed after the server had taken it', async () => {
    const lone = await startTestApp(posting, { roles: ['web'], variables: { SMTP_URL: server.url } })
    const { databaseUrl, secretKey } = lone.instance.environment
    const program = fileURLToPath(new URL('./mail.fixture.ts', import.meta.url))
    const env = {
      ...process.env,
      NODE_ENV: 'test',
      LOG_LEVEL: 'fatal',
      DATABASE_URL: databaseUrl,
      SECRET_KEY: secretKey,
      SMTP_URL: server.url,
    }
    const start = () => spawn(process.execPath, [program], { env, stdio: 'inherit' })
    let worker = start()
    try {
      server.hooks.taken = (mail) => {
        if (mail.to?.[0]?.address !== 'killed@x.example' || server.to('killed@x.example').length > 1) return
        worker.kill('SIGKILL')
        worker = start()
      }
      await act(lone, 'send', { to: 'killed@x.example' })
      await until('it has come twice', () => server.to('killed@x.example').length === 2)
      const [one, two] = server.to('killed@x.example')
      assert.equal(one!.messageId, two!.messageId)
      await until('it is written down', async () => (await act(lone, 'list', {}))[0].state === 'sent')
      assert.equal(server.to('killed@x.example').length, 2)
    } finally {
      worker.kill('SIGKILL')
      await lone.close()
    }
  })
})

test('mail waits while there is no mail server', async () => {
  const app = await startTestApp(posting, { variables: { SMTP_URL: 'smtp://127.0.0.1:1' } })
  try {
    await act(app, 'send', { to: 'ann@x.example' })
    await until('it has failed', async () => (await app.instance.queue.list({}))[0]?.error)
    assert.match((await app.instance.queue.list({}))[0]!.error!, /could not be sent yet: .*ECONNREFUSED/)
  } finally {
    await app.close()
  }
})
