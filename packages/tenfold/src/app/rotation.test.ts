import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { respond } from '../http/index.ts'
import { defineModule } from '../modules/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app, type Instance } from './index.ts'

const OLD = 'the old secret key of this test is long enough'
const NEW = 'the new secret key of this test is long enough'

const ran: unknown[] = []
const m = defineModule('keeper')
const hidden = m.job('hidden', {
  input: z.string(),
  encrypt: true,
  attempts: 1,
  run: async ({ input }) => void ran.push(input),
})
const seal = m.route('POST /seal', {
  auth: 'public',
  body: z.object({ text: z.string() }),
  reply: z.object({ sealed: z.string() }),
  async handler({ body, vault }) {
    await hidden.enqueue(body.text, { delay: '1h' })
    return respond({ sealed: vault.seal(body.text) }, { cookies: { who: { value: body.text } } })
  },
})
const open = m.route('POST /open', {
  auth: 'public',
  body: z.object({ sealed: z.string() }),
  reply: z.object({ text: z.string(), cookie: z.string().nullable() }),
  handler: async ({ body, vault, request }) => ({
    text: vault.open(body.sealed),
    cookie: request.signedCookie('who') ?? null,
  }),
})
const rotating = app({ name: 'rotating', modules: [m.build({ parts: [hidden, seal, open] })] })

let first: TestApp
const others: Instance[] = []
before(async () => {
  first = await startTestApp(rotating, { roles: ['web'], variables: { SECRET_KEY: OLD } })
})
after(async () => {
  for (const one of others) await one.stop()
  await first.close()
})

async function start(keys: { SECRET_KEY: string; SECRET_KEY_PREVIOUS?: string }, migrate = false): Promise<Instance> {
  const { DATABASE_URL, DATABASE_DIRECT_URL, STORAGE_URL } = first.instance.environment.variables
  const given = {
    DATABASE_URL,
    DATABASE_DIRECT_URL,
    STORAGE_URL,
    NODE_ENV: 'test',
    LOG_LEVEL: 'fatal',
    PORT: '0',
    CONSOLE_PORT: '0',
  }
  const one = await rotating.start({ roles: ['web', 'worker'], migrate, variables: { ...given, ...keys } })
  others.push(one)
  return one
}

async function ask<T>(url: string, path: string, body: object, cookie = ''): Promise<{ given: T; cookie: string }> {
  const headers = { 'content-type': 'application/json', cookie }
  const answer = await fetch(new URL(path, url), { method: 'POST', headers, body: JSON.stringify(body) })
  const given = (await answer.json()) as T
  assert.equal(answer.status, 200, JSON.stringify(given))
  return { given, cookie: answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '' }
}

test('a secret key is changed without a moment in which something cannot be opened', async () => {
  const { given, cookie } = await ask<{ sealed: string }>(first.url, '/seal', { text: 'by the old one' })

  // First all accept the new one, then all use it; the database has the passwords of the old one until it is migrated.
  const second = await start({ SECRET_KEY: NEW, SECRET_KEY_PREVIOUS: OLD })
  const opened = await ask(second.url!, '/open', given, cookie)
  assert.deepEqual(opened.given, { text: 'by the old one', cookie: 'by the old one' })
  const [job] = await second.queue.list({ name: 'keeper.hidden' })
  assert.equal(await second.queue.retry(job!.id), true)
  for (const until = Date.now() + 30_000; ran.length === 0 && Date.now() < until;)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(ran, ['by the old one'])

  const migrated = await start({ SECRET_KEY: NEW, SECRET_KEY_PREVIOUS: OLD }, true)
  const byNew = await ask<{ sealed: string }>(migrated.url!, '/seal', { text: 'by the new one' })
  const accepting = await start({ SECRET_KEY: OLD, SECRET_KEY_PREVIOUS: NEW })
  const both = await ask(accepting.url!, '/open', byNew.given, byNew.cookie)
  assert.deepEqual(both.given, { text: 'by the new one', cookie: 'by the new one' })

  const after = await start({ SECRET_KEY: NEW })
  const answer = await fetch(new URL('/open', after.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(given),
  })
  assert.equal(answer.status, 500)
  await assert.rejects(start({ SECRET_KEY: NEW, SECRET_KEY_PREVIOUS: 'short' }), /SECRET_KEY_PREVIOUS/)
})
