import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { contract, defineModule } from '../modules/index.ts'
import { startTestRedis, type TestRedis } from '../redis/testing/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app, type Config } from './define.ts'
import { engineProblems, jobsOnRedis } from './engines.ts'

function mediaModule() {
  const ran: string[] = []
  const input = z.object({ file: z.string() })
  const shape = contract('media', {}, { uploaded: input })
  const m = defineModule('media')
  const uploaded = m.event(shape.events.uploaded)
  const resize = m.job('resize', {
    input,
    engine: 'redis',
    run: async (context) => void ran.push(`resize ${context.input.file}`),
  })
  const scan = m.job('scan', { input, run: async (context) => void ran.push(`scan ${context.input.file}`) })
  const index = m.on(shape.events.uploaded, 'index', { run: async ({ event }) => void ran.push(`index ${event.file}`) })
  const tidy = m.cron('tidy', '0 0 1 1 *', { run: async () => void ran.push('tidy') })
  const limited = m.job('limited', { input, concurrency: { key: () => 'k', limit: 1 }, run: async () => {} })
  const upload = m.route('POST /upload', {
    auth: 'public',
    body: input,
    handler: ({ body, db }) =>
      db.transaction(async (tx) => {
        await resize.enqueue(body, { tx })
        await scan.enqueue(body, { tx })
        await uploaded.publish(body, { tx })
        if (body.file === 'bad') throw new Error('rolled back')
      }),
  })
  return { ran, module: m.build({ parts: [uploaded, resize, scan, index, tidy, limited, upload] }) }
}

describe('an app with jobs on both engines', () => {
  const { ran, module } = mediaModule()
  const queue: Config['queue'] = { jobs: { 'media.tidy': 'redis', 'media.index': 'redis' } }
  let server: TestRedis
  let running: TestApp
  before(async () => {
    server = await startTestRedis()
    running = await startTestApp(app({ name: 'engines', modules: [module] }), {
      config: { queue },
      variables: { REDIS_URL: server.url },
      roles: ['web', 'worker', 'cron'],
    })
  })
  after(async () => {
    await running.close()
    await server.stop()
  })
  const until = async (check: () => boolean | Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + 60_000
    while (!(await check())) {
      assert.ok(Date.now() < deadline, `waited in vain; what ran: ${ran.join(', ')}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const upload = (file: string): Promise<Response> =>
    running.fetch('/upload', {
      method: 'POST',
      body: JSON.stringify({ file }),
      headers: { 'content-type': 'application/json' },
    })

  it('jobs, subscriptions and crons run where they belong, if and only if the transaction commits', async () => {
    assert.equal((await upload('bad')).status, 500)
    assert.ok((await upload('good')).ok)
    await running.instance.crons.runNow('media.tidy')
    await until(() => ran.length === 4)
    assert.deepEqual(ran.toSorted(), ['index good', 'resize good', 'scan good', 'tidy'])
    const rows = await running.instance.queue.list()
    // The ids of the outbox are those in Redis; what ran there is known there alone.
    assert.deepEqual(rows.map((row) => row.name).sort(), [
      'cron:media.tidy',
      'media.index',
      'media.resize',
      'media.scan',
    ])
    await until(async () => (await running.instance.queue.list({ state: 'done' })).length === 4)
    await until(async () => (await running.instance.crons.list())[0]!.runs[0]?.state === 'done')
  })

  it('health names redis', async () => {
    const health = async (): Promise<{ checks: Record<string, { state: string }> }> =>
      (await running.fetch('/health/ready')).json() as never
    assert.equal((await health()).checks.redis!.state, 'ok')
    await server.kill()
    await until(async () => (await health()).checks.redis!.state === 'failed')
    await server.start()
    await until(async () => (await health()).checks.redis!.state === 'ok')
  })

  it('a choice that cannot work is a problem at start', () => {
    assert.deepEqual(engineProblems([module], queue), [])
    assert.deepEqual(jobsOnRedis([module], queue), ['media.resize', 'media.index', 'media.tidy'])
    const [limited] = engineProblems([module], { default: 'redis' })
    assert.match(limited!, /^'media.limited' has `concurrency` and may not run on redis/)
    const [unknown] = engineProblems([module], { jobs: { 'media.risize': 'redis' } })
    assert.match(unknown!, /names 'media.risize', .* did you mean 'media.resize'\?$/)
  })
})
