import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDatabase } from './testing/index.ts'

test('a statement whose connection is ended by the server is TF_DATABASE_LOST, and the next one has a new connection', async () => {
  const { system, close } = await testDatabase()
  try {
    await assert.rejects(system.query('select pg_terminate_backend(pg_backend_pid())'), {
      code: 'TF_DATABASE_LOST',
      status: 503,
    })
    assert.deepEqual((await system.query('select 1 as one')).rows, [{ one: 1 }])
  } finally {
    await close()
  }
})

test('a full disk is TF_DATABASE_FULL, and the connection goes on', async () => {
  const { system, close } = await testDatabase()
  try {
    const full = `do $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`
    await assert.rejects(system.query(full), { code: 'TF_DATABASE_FULL', status: 503, message: /No space left/ })
    assert.deepEqual((await system.query('select 1 as one')).rows, [{ one: 1 }])
  } finally {
    await close()
  }
})
