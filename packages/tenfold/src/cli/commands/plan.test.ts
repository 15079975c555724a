import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Demands } from '../../plan/index.ts'
import { sandbox } from '../sandbox.fixture.ts'

const DEMANDS: Demands = {
  version: 1,
  source: 'a file',
  rate: 10,
  peakRate: 20,
  seconds: 3600,
  classes: [
    {
      name: 'GET /notes',
      kind: 'request',
      share: 1,
      appCpu: 0.002,
      databaseCpu: 0.001,
      databaseOther: 0.001,
      queries: 2,
      reads: 0.8,
      outside: 0,
      cv2: 0.5,
    },
  ],
  uncertainty: { app: 1.1, database: 1.3 },
  unknown: ['not measured: disk writes'],
}

describe('tenfold plan', () => {
  let box: Awaited<ReturnType<typeof sandbox>>
  before(async () => {
    box = await sandbox({ database: true, files: { 'demands.json': JSON.stringify(DEMANDS) } })
  })
  after(() => box.remove())

  test('names machines, price, percentiles and what is not known', async () => {
    const { code, stdout } = await box.run(['plan', '--rps', '500', '--demands', 'demands.json', '--json'])
    assert.equal(code, 0)
    const { choice, capacity, unknown } = JSON.parse(stdout)
    assert.equal(choice.topology.stage, 1)
    assert.ok(choice.price > 0 && choice.prediction.p95 < 0.5 && capacity.low < capacity.high)
    assert.ok(unknown.includes('not measured: disk writes'))
    const never = await box.run(['plan', '--users', '500m', '--demands', 'demands.json'])
    assert.equal(never.code, 1)
    assert.match(
      never.stdout,
      /500M users[^]*no topology of these machines does it[^]*assumed: a user sends 50 requests a day/,
    )
  })

  test('shows the curve to ten million users, with prices that were changed', async () => {
    const prices = JSON.parse((await box.run(['plan', 'prices'])).stdout)
    box.write({
      'prices.json': JSON.stringify({ ...prices, currency: 'shells', database: prices.database.slice(0, 2) }),
    })
    const curve = await box.run([
      'plan',
      'curve',
      '--demands',
      'demands.json',
      '--prices',
      'prices.json',
      '--report',
      'plan.html',
    ])
    assert.equal(curve.code, 0, curve.stderr)
    assert.match(curve.stdout, /shells a month/)
    assert.match(curve.stdout, /step 6, split service: needed from/)
    assert.ok(existsSync(join(box.folder, 'plan.html')))
    assert.doesNotMatch(readFileSync(join(box.folder, 'plan.html'), 'utf8'), /<script|https?:/)
  })

  test('without recorded traffic, or with wrong options, it says what to do', async () => {
    const nothing = await box.run(['plan', '--rps', '5', '--like', '36h'])
    assert.deepEqual([nothing.code, /TF_MIGRATIONS_PENDING/.test(nothing.stderr)], [1, true])
    const wrong = await box.run(['plan', '--rps', '5', '--like', 'yesterday'])
    assert.deepEqual([wrong.code, /TF_BAD_OPTION_VALUE[^]*last-week/.test(wrong.stderr)], [2, true])
    assert.equal((await box.run(['plan'])).code, 2)
  })
})
