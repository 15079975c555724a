import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineModule } from '../modules/index.ts'
import { BadConfig } from '../config/index.ts'
import { environmentFor, readSettings } from './settings.ts'

const shop = defineModule('shop', {
  settings: z.object({ PAYMENTS_URL: z.url(), SMTP_URL: z.string(), SEATS: z.coerce.number().max(9).default(3) }),
}).build({ parts: [] })

const problemsOf = async (variables: Record<string, string>): Promise<string[]> => {
  const refused = await readSettings([shop], variables).catch((error: unknown) => error)
  assert.ok(BadConfig.is(refused))
  return refused.details.problems.map(({ at, problem }) => `${at}: ${problem}`)
}

test('a setting without a value is said to have none, in words for those who set it', async () => {
  const [payments, smtp, ...more] = await problemsOf({ PAYMENTS_URL: '' })
  assert.equal(payments, 'PAYMENTS_URL (module shop): is not set; give it a value in the environment or in .env')
  assert.match(smtp!, /^SMTP_URL \(module shop\): is not set; .*; development has a mail server of its own/)
  assert.deepEqual(more, [])
})

test('a setting with a wrong value is told what the schema says', async () => {
  const [payments, seats] = await problemsOf({ PAYMENTS_URL: 'x', SMTP_URL: 'x', SEATS: '12' })
  assert.equal(payments, 'PAYMENTS_URL (module shop): Invalid URL')
  assert.match(seats!, /^SEATS \(module shop\): Too big/)
})

test('what the platform lacks is told together with what the modules here lack', async () => {
  const lackedBy = async (variables: Record<string, string>): Promise<string[]> => {
    const refused = await environmentFor([shop], { variables, config: {} }).catch((error: unknown) => error)
    assert.ok(BadConfig.is(refused))
    return refused.details.problems.map(({ at }) => at)
  }
  const production = { NODE_ENV: 'production' }
  assert.deepEqual(await lackedBy(production), ['SECRET_KEY', 'PAYMENTS_URL (module shop)', 'SMTP_URL (module shop)'])
  assert.deepEqual(await lackedBy({ ...production, REMOTE_SHOP_URL: 'https://shop.internal' }), ['SECRET_KEY'])
  assert.deepEqual(await lackedBy({ PORT: 'eighty' }), ['PORT', 'PAYMENTS_URL (module shop)'])
})
