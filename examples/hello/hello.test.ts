import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestApp } from 'tenfold/testing'
import app from './app.ts'

test('it greets', async () => {
  const hello = await startTestApp(app)
  try {
    const reply = await hello.fetch('/hello/world')
    assert.deepEqual([reply.status, await reply.json()], [200, { greeting: 'Hello world' }])
  } finally {
    await hello.close()
  }
})
