/** An app that has Redis for its caches, and no BullMQ: of that package nothing is found here, as where it is not installed. */
import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { PeerMissing } from '../kernel/index.ts'
import { defineModule } from '../modules/index.ts'
import { startTestRedis, type TestRedis } from '../redis/testing/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app } from './define.ts'

const hooks = registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'bullmq') return next(specifier, context)
    throw Object.assign(new Error("Cannot find package 'bullmq'"), { code: 'ERR_MODULE_NOT_FOUND' })
  },
})

let server: TestRedis
before(async () => void (server = await startTestRedis()))
after(async () => {
  await server.stop()
  hooks.deregister()
})

function start(engine: 'postgres' | 'redis', ran: string[]): Promise<TestApp> {
  const m = defineModule('media')
  const input = z.object({ file: z.string() })
  const resize = m.job('resize', { input, engine, run: async ({ input: { file } }) => void ran.push(file) })
  const upload = m.route('POST /upload', {
    auth: 'public',
    body: input,
    handler: async ({ body }) => void (await resize.enqueue(body)),
  })
  return startTestApp(app({ name: 'alone', modules: [m.build({ parts: [resize, upload] })] }), {
    variables: { REDIS_URL: server.url },
  })
}

test('jobs run on Postgres, and nothing is missed', async () => {
  const ran: string[] = []
  const running = await start('postgres', ran)
  try {
    const headers = { 'content-type': 'application/json' }
    assert.ok((await running.fetch('/upload', { method: 'POST', headers, body: '{"file":"a.png"}' })).ok)
    await running.drain()
    assert.deepEqual(ran, ['a.png'])
  } finally {
    await running.close()
  }
})

test('a job that belongs on Redis is a reason to ask for it', async () => {
  await assert.rejects(start('redis', []), (error) => PeerMissing.is(error) && /bullmq/.test(error.message))
})
