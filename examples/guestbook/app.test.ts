import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestApp, type TestApp } from 'tenfold/testing'
import guestbook from './app.ts'

let running: TestApp
before(async () => void (running = await startTestApp(guestbook)))
after(() => running.close())

const sign = (name: string): Promise<Response> =>
  running.fetch('/entries', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })

test('whoever signs the guestbook is thanked', async () => {
  const reply = await sign(' Ada ')
  assert.deepEqual(await reply.json(), { id: 1, name: 'Ada', thanked: false })
  await running.drain()
  const entries = await running.fetch('/entries')
  assert.deepEqual(await entries.json(), [{ id: 1, name: 'Ada', thanked: true }])
})

test('nobody signs with an empty name', async () => {
  const reply = await sign('  ')
  assert.equal(reply.status, 400)
  assert.equal(((await reply.json()) as { code: string }).code, 'TF_INVALID')
})
