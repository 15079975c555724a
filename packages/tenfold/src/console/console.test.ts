import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { fakeClock, TenfoldError } from '../kernel/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { createConsole, type ConsoleAccess, type ConsoleSource } from './index.ts'

const TOKEN = 'a-token-of-more-than-sixteen'
const OWN = { 'x-tenfold-console': '1' }

describe('the console without a token', () => {
  const app = started({ kind: 'open' })

  test('answers the API to its own pages', async () => {
    const { status, body } = await app.ask('/api/crons')
    assert.equal(status, 200)
    assert.deepEqual(body, [{ name: 'orders.expire-carts' }])
  })
  test('refuses a name that was pointed at this machine (DNS rebinding)', async () => {
    for (const path of ['/api/crons', '/']) {
      const { status, body } = await app.ask(path, { headers: { host: 'evil.example:80' } })
      assert.equal(status, 403)
      assert.equal(body.code, 'TF_CONSOLE_FOREIGN_HOST')
    }
  })
  test('answers to each of the names of this machine', async () => {
    for (const host of ['localhost:4100', '127.0.0.1:4100', '[::1]:4100', 'LOCALHOST']) {
      assert.equal((await app.ask('/api/crons', { headers: { host } })).status, 200, host)
    }
  })
  test('refuses an action that a form on another site could have sent', async () => {
    const path = '/api/jobs/7/discard'
    const refused = [
      {},
      { ...OWN, origin: 'http://evil.example' },
      { ...OWN, origin: 'null' },
      { ...OWN, 'sec-fetch-site': 'cross-site' },
      { ...OWN, 'sec-fetch-site': 'same-site' },
      { origin: app.url },
    ]
    for (const headers of refused) {
      const { status, body } = await app.ask(path, { method: 'POST', headers })
      assert.equal(status, 403, JSON.stringify(headers))
      assert.equal(body.code, 'TF_CONSOLE_FOREIGN_ORIGIN')
    }
    assert.deepEqual(app.actions, [])
  })
  test('does an action of its own pages, and writes down that it did', async () => {
    const headers = { ...OWN, origin: app.url, 'sec-fetch-site': 'same-origin' }
    const { body } = await app.ask('/api/jobs/7/discard', { method: 'POST', headers })
    assert.deepEqual(body, { done: true })
    assert.deepEqual(app.actions, ['discard 7'])
    assert.deepEqual(app.logged.at(-1), ['info', 'console: discard job', { target: '7', address: '127.0.0.1' }])
  })
  test('does not even read for another site', async () => {
    assert.equal((await app.ask('/api/crons', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403)
  })
  test('decodes names in addresses and refuses broken ones', async () => {
    const run = await app.ask('/api/crons/orders.%C3%A4/run', { method: 'POST', headers: OWN })
    assert.deepEqual(run.body, { jobId: 'of orders.ä' })
    assert.equal((await app.ask('/api/jobs/%E0%A4%A')).status, 400)
  })
  test('refuses filters that make no sense, and says which', async () => {
    for (const [query, field] of [
      ['jobs?state=deadish', 'state'],
      ['logs?level=loud', 'level'],
      ['traces?min=-1', 'min'],
      ['overview?minutes=abc', 'minutes'],
      ['traces?limit=100000', 'limit'],
    ]) {
      const { status, body } = await app.ask(`/api/${query}`)
      assert.equal(status, 400, query)
      assert.match(body.message, new RegExp(`^'${field}' has to be `))
    }
  })
  test('passes filters on as what they are', async () => {
    const { body } = await app.ask('/api/traces?kind=job&min=100&error=1&limit=20')
    assert.deepEqual(body, [{ kind: 'job', min: 100, error: true, limit: 20 }])
  })
  test('says with code, sentence and fix what is not there', async () => {
    for (const path of ['/api/jobs/none', '/api/nothing', '/api', '/assets/none.js']) {
      const { status, body } = await app.ask(path)
      assert.equal(status, 404, path)
      assert.deepEqual(Object.keys(body), ['code', 'message', 'fix'])
    }
  })
  test('keeps the cause of a failure in the log and out of the answer', async () => {
    const { status, body } = await app.ask('/api/queries')
    assert.equal(status, 500)
    assert.equal(body.code, 'TF_CONSOLE_FAILED')
    assert.doesNotMatch(JSON.stringify(body), /password/)
    assert.match(JSON.stringify(app.logged.at(-1)), /password/)
  })
  test('gives the start page for the addresses of pages, and files by their names', async () => {
    for (const path of ['/', '/jobs/7', '/requests?name=x']) {
      const { status, text, headers } = await app.ask(path)
      assert.deepEqual([status, text, headers['cache-control']], [200, '<!doctype html>', 'no-cache'])
    }
    const script = await app.ask('/assets/index-abc.js')
    assert.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable')
    assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8')
  })
  test('never leaves its folder', async () => {
    for (const path of ['/../secret.js', '/..%2fsecret.js', '/assets/../../secret.js', '//secret.js']) {
      assert.notEqual((await app.ask(path)).text, 'secret', path)
    }
  })
  test('sends compressed files to those who take them, and nothing twice', async () => {
    const plain = await app.ask('/assets/index-abc.js')
    const gzip = await app.ask('/assets/index-abc.js', { headers: { 'accept-encoding': 'gzip, deflate' } })
    assert.equal(plain.headers['content-encoding'], undefined)
    assert.equal(gzip.headers['content-encoding'], 'gzip')
    assert.equal(gzip.headers['vary'], 'accept-encoding')
    const again = await app.ask('/assets/index-abc.js', { headers: { 'if-none-match': plain.headers['etag']! } })
    assert.deepEqual([again.status, again.text], [304, ''])
  })
  test('carries the security headers on every answer', async () => {
    for (const path of ['/', '/api/crons', '/api/nothing', '/assets/index-abc.js']) {
      const { headers } = await app.ask(path)
      assert.match(headers['content-security-policy']!, /^default-src 'self'; /)
      assert.doesNotMatch(headers['content-security-policy']!, /unsafe/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['x-frame-options'], 'DENY')
      assert.equal(headers['referrer-policy'], 'no-referrer')
      assert.equal(headers['access-control-allow-origin'], undefined)
    }
  })
  test('gives the HTML of a mail a sandbox of its own', async () => {
    const { text, headers } = await app.ask('/api/mails/1/html')
    assert.equal(text, '<b>hello</b>')
    assert.match(headers['content-security-policy']!, /^sandbox; default-src 'none'/)
    assert.equal((await app.ask('/api/mails/2/html')).status, 404)
  })
  test('tells those who follow when there is new data, and stops listening when they leave', async () => {
    const response = await app.follow()
    const chunks = response[Symbol.asyncIterator]()
    assert.match(String((await chunks.next()).value), /^retry: /)
    app.announce()
    assert.equal(String((await chunks.next()).value), 'data: {"type":"tick"}\n\n')
    assert.equal(app.listeners.size, 1)
    response.destroy()
    while (app.listeners.size > 0) await new Promise((resolve) => setImmediate(resolve))
  })
})

describe('the console with a token', () => {
  const app = started({ kind: 'token', token: TOKEN })
  const signIn = (token: string) =>
    app.ask('/api/session', { method: 'POST', headers: OWN, body: JSON.stringify({ token }) })
  const cookieOf = (headers: Record<string, string>): string => headers['set-cookie']!.split(';')[0]!

  test('shows its pages, and says that one has to sign in', async () => {
    assert.equal((await app.ask('/')).status, 200)
    assert.deepEqual((await app.ask('/api/session')).body, { access: 'token', signedIn: false })
  })
  test('answers nothing else without a session', async () => {
    const paths = [
      'overview',
      'routes',
      'traces',
      'traces/1',
      'queries',
      'jobs',
      'jobs/summary',
      'jobs/1',
      'crons',
      'logs',
      'mails',
      'mails/1',
      'mails/1/html',
      'events',
      'nothing',
    ]
    for (const path of paths) {
      const { status, body } = await app.ask(`/api/${path}`)
      assert.deepEqual([status, body.code], [401, 'TF_CONSOLE_SIGN_IN'], path)
    }
    const acted = await app.ask('/api/jobs/7/retry', { method: 'POST', headers: OWN })
    assert.equal(acted.status, 401)
    assert.deepEqual(app.actions, [])
  })
  test('opens for the token with a cookie that scripts and other sites never see', async () => {
    const { status, headers } = await signIn(TOKEN)
    assert.equal(status, 200)
    assert.match(headers['set-cookie']!, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/)
    assert.doesNotMatch(headers['set-cookie']!, new RegExp(TOKEN))
    const cookie = cookieOf(headers)
    assert.equal((await app.ask('/api/crons', { headers: { cookie } })).status, 200)
    assert.equal((await app.ask('/api/crons', { headers: { cookie: `other=1; ${cookie}` } })).status, 200)
  })
  test('marks the cookie as secure behind a proxy that speaks TLS', async () => {
    const headers = { ...OWN, 'x-forwarded-proto': 'https' }
    const answer = await app.ask('/api/session', { method: 'POST', headers, body: JSON.stringify({ token: TOKEN }) })
    assert.match(answer.headers['set-cookie']!, /; Secure$/)
  })
  test('refuses a cookie that was changed, cut or made up', async () => {
    const cookie = cookieOf((await signIn(TOKEN)).headers)
    const [name, expires, nonce, signature] = cookie.split('.') as [string, string, string, string]
    const forged = [
      [name, String(Number(expires) + 1), nonce, signature],
      [name, expires, `${nonce}x`, signature],
      [name, expires, nonce, signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))],
      [name, expires, nonce],
      [name],
    ]
    for (const parts of forged) {
      assert.equal((await app.ask('/api/crons', { headers: { cookie: parts.join('.') } })).status, 401)
    }
  })
  test('ends a session after twelve hours', async () => {
    const cookie = cookieOf((await signIn(TOKEN)).headers)
    await app.clock.advance(12 * 3_600_000 - 1)
    assert.equal((await app.ask('/api/crons', { headers: { cookie } })).status, 200)
    await app.clock.advance(1)
    assert.equal((await app.ask('/api/crons', { headers: { cookie } })).status, 401)
  })
  test('ends a session that signs out, even for whoever kept the cookie', async () => {
    const cookie = cookieOf((await signIn(TOKEN)).headers)
    const out = await app.ask('/api/session', { method: 'DELETE', headers: { ...OWN, cookie } })
    assert.match(out.headers['set-cookie']!, /Max-Age=0/)
    assert.equal((await app.ask('/api/crons', { headers: { cookie } })).status, 401)
  })
  test('lets programs in with the token itself', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` }
    assert.equal((await app.ask('/api/crons', { headers })).status, 200)
    const acted = await app.ask('/api/jobs/8/retry', { method: 'POST', headers: { ...headers, ...OWN } })
    assert.deepEqual(acted.body, { done: true })
  })
  test('refuses actions from elsewhere even with a session', async () => {
    const cookie = cookieOf((await signIn(TOKEN)).headers)
    const { status } = await app.ask('/api/jobs/9/retry', { method: 'POST', headers: { cookie } })
    assert.equal(status, 403)
    assert.ok(!app.actions.includes('retry 9'))
  })
  test('refuses a body that is too large or no JSON', async () => {
    for (const body of ['x'.repeat(5_000), 'no json', '{"token":7}', 'null']) {
      const { status } = await app.ask('/api/session', { method: 'POST', headers: OWN, body })
      assert.equal(status, 400, body.slice(0, 20))
    }
  })
  test('takes ten wrong tokens, then one every six seconds, the right one included', async () => {
    for (let i = 0; i < 10; i++) assert.equal((await signIn(`wrong ${i}`)).status, 401)
    const refused = await signIn(TOKEN)
    assert.deepEqual([refused.status, refused.body.code], [429, 'TF_CONSOLE_THROTTLED'])
    assert.equal(refused.headers['retry-after'], '6')
    const byHeader = await app.ask('/api/crons', { headers: { authorization: 'Bearer wrong' } })
    assert.equal(byHeader.status, 429)
    await app.clock.advance(6_000)
    assert.equal((await signIn('wrong again')).status, 401)
    assert.equal((await signIn(TOKEN)).status, 429)
    await app.clock.advance(60_000)
    assert.equal((await signIn(TOKEN)).status, 200)
  })
  test('ends the stream of a session that is over', async () => {
    const cookie = cookieOf((await signIn(TOKEN)).headers)
    const response = await app.follow({ cookie })
    await app.ask('/api/session', { method: 'DELETE', headers: { ...OWN, cookie } })
    app.announce()
    await once(response.resume(), 'end')
  })
})

describe('the console with a second token, for looking only', () => {
  const READ = 'another-token-for-looking'
  const app = started({ kind: 'token', token: TOKEN, readToken: READ })
  const signIn = async (token: string): Promise<{ role: unknown; cookie: string }> => {
    const { body, headers } = await app.ask('/api/session', {
      method: 'POST',
      headers: OWN,
      body: JSON.stringify({ token }),
    })
    return { role: body.role, cookie: headers['set-cookie']!.split(';')[0]! }
  }

  test('shows everything and does nothing, by cookie and by header', async () => {
    const { role, cookie } = await signIn(READ)
    assert.equal(role, 'read')
    for (const headers of [{ cookie }, { authorization: `Bearer ${READ}` }]) {
      assert.equal((await app.ask('/api/crons', { headers })).status, 200)
      const acted = await app.ask('/api/jobs/7/retry', { method: 'POST', headers: { ...OWN, ...headers } })
      assert.deepEqual([acted.status, acted.body.code], [403, 'TF_CONSOLE_READ_ONLY'])
    }
    assert.deepEqual(app.actions, [])
    assert.deepEqual((await app.ask('/api/session', { headers: { cookie } })).body, {
      access: 'token',
      signedIn: true,
      role: 'read',
    })
  })
  test('does what the first token asks for', async () => {
    const { role, cookie } = await signIn(TOKEN)
    assert.equal(role, 'full')
    const acted = await app.ask('/api/jobs/8/retry', { method: 'POST', headers: { ...OWN, cookie } })
    assert.deepEqual(acted.body, { done: true })
  })
})

describe('a console that must not start', () => {
  const options = { inspector: source([], new Set()), telemetry: { log: logger([]) }, port: 0 }
  const code = (expected: string) => (error: unknown) => error instanceof TenfoldError && error.code === expected

  test('is one that anybody in the network could open', () => {
    assert.throws(
      () => createConsole({ ...options, host: '0.0.0.0', access: { kind: 'open' } }),
      code('TF_CONSOLE_OPEN'),
    )
  })
  test('is one with a token that can be guessed', () => {
    for (const tokens of [{ token: 'short' }, { token: TOKEN, readToken: 'short' }]) {
      const access = { kind: 'token', ...tokens } as const
      assert.throws(() => createConsole({ ...options, access }), code('TF_CONSOLE_TOKEN_SHORT'))
    }
  })
  test('is one without its pages', async () => {
    const console = createConsole({ ...options, access: { kind: 'open' }, assets: join(tmpdir(), 'no-such-folder') })
    await assert.rejects(console.start(), code('TF_CONSOLE_ASSETS_MISSING'))
  })
  test('is one whose port is taken', async (t) => {
    const assets = await pages()
    const access = { kind: 'open' } as const
    const first = createConsole({ ...options, access, assets })
    await first.start()
    t.after(async () => {
      await first.stop()
      await rm(dirname(assets), { recursive: true })
    })
    const second = createConsole({ ...options, access, assets, port: Number(new URL(first.url()).port) })
    await assert.rejects(second.start(), code('TF_CONSOLE_PORT_TAKEN'))
  })
})

interface Answer {
  status: number
  headers: Record<string, string>
  text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- JSON of every kind
  body: any
}

/** A console that runs while the tests of this `describe` do. */
function started(access: ConsoleAccess) {
  const actions: string[] = []
  const listeners = new Set<() => void>()
  const logged: unknown[] = []
  const clock = fakeClock(1_000_000)
  let assets = ''
  let console: ReturnType<typeof createConsole>

  before(async () => {
    assets = await pages()
    const inspector = source(actions, listeners)
    console = createConsole({ inspector, telemetry: { log: logger(logged) }, port: 0, access, assets, clock })
    await console.start()
  })
  after(async () => {
    await console.stop()
    await rm(dirname(assets), { recursive: true })
  })
  // Not fetch: it sets Host, Origin and Sec-Fetch-Site itself.
  const send = async (
    path: string,
    init: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ) => {
    const { hostname, port } = new URL(console.url())
    const request = httpRequest({
      hostname,
      port,
      path,
      method: init.method ?? 'GET',
      headers: init.headers,
      agent: false,
      family: 4,
    })
    request.end(init.body)
    const [response] = await once(request, 'response')
    return response as import('node:http').IncomingMessage
  }
  return {
    actions,
    listeners,
    logged,
    clock,
    get url() {
      return console.url()
    },
    announce: () => listeners.forEach((listener) => listener()),
    follow: (headers: Record<string, string> = {}) => send('/api/events', { headers }),
    async ask(path: string, init = {}): Promise<Answer> {
      const response = await send(path, init)
      let text = ''
      for await (const chunk of response) text += chunk
      const isJson = response.headers['content-type']?.startsWith('application/json')
      const headers = Object.fromEntries(Object.entries(response.headers).map(([k, v]) => [k, String(v)]))
      return { status: response.statusCode!, headers, text, body: isJson ? JSON.parse(text) : undefined }
    },
  }
}

/** A folder like the built one, beside a file that must not be reached. */
async function pages(): Promise<string> {
  const directory = join(await mkdtemp(join(tmpdir(), 'tenfold-console-')), 'pages')
  await mkdir(join(directory, 'assets'), { recursive: true })
  await writeFile(join(directory, '..', 'secret.js'), 'secret')
  await writeFile(join(directory, 'index.html'), '<!doctype html>')
  await writeFile(join(directory, 'assets/index-abc.js'), 'export {}')
  await writeFile(join(directory, 'assets/index-abc.js.gz'), gzipSync('export {}'))
  return directory
}

function source(actions: string[], listeners: Set<() => void>): ConsoleSource {
  const act = (text: string): true => (actions.push(text), true)
  const answers = {
    crons: async () => [{ name: 'orders.expire-carts' }],
    traces: async (filter: unknown) => [filter],
    queries: async () => {
      throw new Error('no password for user shop_tenfold')
    },
    job: async () => undefined,
    retryJob: async (id: string) => act(`retry ${id}`),
    discardJob: async (id: string) => act(`discard ${id}`),
    runCron: async (name: string) => ({ jobId: `of ${name}` }),
    mail: async (id: string) => (id === '1' ? { html: '<b>hello</b>' } : undefined),
    onData(listener: () => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return answers as unknown as ConsoleSource
}

function logger(lines: unknown[]): Logger {
  const write = (level: string) => (message: string, fields?: object) => void lines.push([level, message, fields])
  return { info: write('info'), error: write('error'), warn: write('warn') } as unknown as Logger
}
