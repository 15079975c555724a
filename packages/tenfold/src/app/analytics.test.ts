import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { defineModule, type Module } from '../modules/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { uuidv7 } from '../kernel/index.ts'
import { app } from './index.ts'

const m = defineModule('site')
const bought = m.track('bought', { properties: z.object({ value: z.number() }) })
const parts = [
  bought,
  m.route('POST /sign-in/:id', {
    auth: 'public',
    params: z.object({ id: z.string() }),
    handler: async ({ params, session }) => void (await session.signIn({ id: params.id, role: 'user' })),
  }),
  m.route('POST /buy', {
    auth: 'user',
    body: z.object({ value: z.any() }),
    reply: z.object({ kept: z.boolean() }),
    handler: async ({ body, user }) => ({ kept: await bought.track(body as { value: number }, { user: user.id }) }),
  }),
]
const site = app({ name: 'site', modules: [m.build({ parts }) as Module] })
const day = (plus: number): string => new Date(Date.now() + plus * 86_400_000).toISOString().slice(0, 10)
const range = { from: day(-2), to: day(1) }

describe('product analytics of an app', () => {
  let running: TestApp
  before(async () => {
    running = await startTestApp(site, {
      config: { analytics: { browser: { names: ['page_view', 'pressed'], ignoreUsers: ['staff'] } } },
    })
  })
  after(() => running.close())

  const origin = (): string => new URL(running.url).origin
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    running.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': PERSON, origin: origin(), ...headers },
      body: JSON.stringify(body),
    })
  const signIn = async (id: string): Promise<Record<string, string>> => {
    const reply = await post(`/sign-in/${id}`, {})
    return { cookie: reply.headers.getSetCookie()[0]!.split(';')[0]! }
  }
  const event = (name: string, at = Date.now()) => ({ id: uuidv7(), name, at, seq: 0, properties: { path: '/' } })
  const batch = (anonymous: string, ...events: object[]) => ({ sentAt: Date.now(), anonymous, events })
  const total = async (name: string): Promise<number> => {
    const { series } = await running.instance.analytics.trend({ ...range, by: 'day', events: [{ event: name }] })
    return series[0]!.total
  }

  test('code tracks what it declares; what is wrong with it is thrown in tests', async () => {
    const cookie = await signIn('buyer')
    assert.deepEqual(await (await post('/buy', { value: 42 }, cookie)).json(), { kept: true })
    assert.equal(await total('site.bought'), 1)
    const wrong = await post('/buy', { value: 'much' }, cookie)
    assert.equal(((await wrong.json()) as { code: string }).code, 'TF_TRACK_INVALID')
  })

  test('a browser’s events become those of the user who signs in with it; the browser of another takes a new id', async () => {
    const view = event('page_view')
    assert.equal((await post('/_e', batch('browser-1', view))).status, 204)
    const anna = await signIn('anna')
    assert.equal((await post('/_e', batch('browser-1', view, event('pressed')), anna)).status, 204)
    const steps = [{ event: 'page_view' }, { event: 'pressed' }]
    const { steps: funnel } = await running.instance.analytics.funnel({ ...range, steps })
    assert.deepEqual(
      funnel.map(({ count }) => count),
      [1, 1],
    )
    const reply = await post('/_e', batch('browser-1', event('pressed')), await signIn('berta'))
    assert.deepEqual(await reply.json(), { reset: true })
    assert.equal(await total('pressed'), 2)
    assert.equal(await total('page_view'), 1, 'the view that was sent twice counts once')
  })

  test('what no person did, or nobody wants kept, is dropped', async () => {
    const before_ = await total('pressed')
    const pressed = (): object => batch('browser-2', event('pressed'))
    for (const headers of [
      { 'user-agent': 'Googlebot/2.1' },
      { dnt: '1' },
      { 'sec-gpc': '1' },
      await signIn('staff'),
    ]) {
      assert.equal((await post('/_e', pressed(), headers)).status, 204)
    }
    await post('/_e', batch('browser-2', event('made up'), event('pressed', Date.now() - 8 * 86_400_000)))
    assert.equal(await total('pressed'), before_)
    assert.ok(!(await running.instance.analytics.names()).some(({ name }) => name === 'made up'))
  })

  test('a clock that is hours wrong is corrected', async () => {
    const hours = 30 * 3_600_000
    const now = Date.now() + hours
    await post('/_e', { ...batch('browser-3', event('page_view', now - 1000)), sentAt: now })
    assert.equal(await total('page_view'), 2)
  })

  test('nonsense is refused', async () => {
    for (const body of [
      null,
      [],
      {},
      batch('x', event('pressed')),
      batch('browser-4', { name: 'pressed' }),
      batch('browser-4', 7 as never),
    ]) {
      const reply = await post('/_e', body)
      assert.equal(reply.status, 400)
      assert.equal(((await reply.json()) as { code: string }).code, 'TF_TRACK_INVALID')
    }
    const badId = await post('/_e', batch('browser-4', { ...event('pressed'), id: 'x' }))
    assert.equal(((await badId.json()) as { code: string }).code, 'TF_ANALYTICS_EVENT')
  })

  test('the script is small and of this site', async () => {
    const reply = await running.fetch('/_e.js')
    assert.match(reply.headers.get('content-type')!, /javascript/)
    assert.ok((await reply.text()).length < 3 * 1024)
  })
})

const PERSON = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
