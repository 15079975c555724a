import assert from 'node:assert/strict'
import { it } from 'node:test'
import { testDatabase } from '../../database/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { migrations } from '../index.ts'
import { openPostgresQueue } from './queue.ts'
import { AGE } from './statements.ts'

it('no more old jobs are lifted than a worker has places, while those before them still wait', async (t) => {
  const test = await testDatabase({ migrations: [migrations] })
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const queue = openPostgresQueue({ db: test.system, telemetry })
  t.after(async () => {
    await queue.close()
    await test.close()
  })
  const age = async (): Promise<number> => {
    const { rows } = await test.system.query<{ lifted: number }>(AGE, [-1000, 3, ['age.one', 'age.two']])
    return rows[0]!.lifted
  }
  const old = await queue.enqueue(Array.from({ length: 12 }, () => ({ name: 'age.one', priority: -5 })))
  await queue.enqueue([{ name: 'age.two', priority: 5 }])
  assert.deepEqual([await age(), await age(), await age()], [3, 0, 0])
  const { rows } = await test.system.query<{ id: string }>(
    'select id::text from tenfold.job where own_rank is not null order by id',
  )
  assert.deepEqual(
    rows.map((row) => row.id),
    old.slice(0, 3),
  )
  await test.system.query('delete from tenfold.job where id = any ($1::bigint[])', [old.slice(0, 2)])
  assert.deepEqual([await age(), await age()], [2, 0])
})
