import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { defineModule } from '../modules/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app } from './index.ts'

const ran: string[] = []
const m = defineModule('trial')
const remind = m.job('remind', {
  input: z.string(),
  async run({ input, step, sleep }) {
    await step('welcome', async () => void ran.push(`${input}: welcome`))
    await sleep('3d')
    await step('halfway', async () => void ran.push(`${input}: halfway`))
    await sleep('4d')
    ran.push(`${input}: over`)
  },
})
const once = m.job('once', {
  input: z.string(),
  attempts: 3,
  backoff: { base: '20h', max: '20h' },
  async run({ input, attempt }) {
    ran.push(`${input}: ${attempt}`)
    if (attempt < 3) throw new Error('not yet')
  },
})

let trial: TestApp
before(async () => {
  trial = await startTestApp(app({ name: 'trial', modules: [m.build({ parts: [remind, once] })] }))
})
after(() => trial.close())

test('days of sleeps, delays and retries go by in their order', async () => {
  await trial.run(async () => {
    await remind.enqueue('ann')
    await remind.enqueue('bob', { delay: '1d' })
  })
  await trial.drain()
  assert.deepEqual(ran.splice(0), ['ann: welcome'])
  await trial.pass('2d')
  assert.deepEqual(ran.splice(0), ['bob: welcome'])
  await trial.pass('36h')
  assert.deepEqual(ran.splice(0), ['ann: halfway'])
  await trial.pass('30d')
  assert.deepEqual(ran.splice(0), ['bob: halfway', 'ann: over', 'bob: over'])
  await trial.run(() => once.enqueue('call'))
  await trial.pass('2d')
  assert.deepEqual(ran, ['call: 1', 'call: 2', 'call: 3'])
})
