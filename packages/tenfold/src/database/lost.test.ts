import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTelemetry } from '../telemetry/index.ts'
import { openDatabase } from './index.ts'
import { createLogin } from './login.ts'
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

test('what fails here rather than there costs no connection, and a transaction is rolled back on its own', async () => {
  const { system, database, close } = await testDatabase({ maxConnections: 1 })
  try {
    await system.query('select 1')
    const { opened } = database.counts()
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const value of [{ n: 1n }, circular]) {
      await assert.rejects(system.query('select $1::jsonb', [value]), TypeError)
      await assert.rejects(
        system.transaction(async (tx) => {
          await tx.query('select $1::int', [1])
          await tx.query('select $1::jsonb', [value])
        }),
        TypeError,
      )
    }
    const many = Array.from({ length: 70_000 }, () => 1)
    await assert.rejects(system.query('select $1::int', many), RangeError)
    await system.query('select 1')
    assert.deepEqual([database.counts().opened, database.counts().idle], [opened, 1])
  } finally {
    await close()
  }
})

test('while a key is being changed, one password of each role is refused, once and without a word', async () => {
  const { url, app, secretKey, roleMode, close } = await testDatabase()
  let said = ''
  const destination = { write: (text: string) => void (said += text) }
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'debug', destination })
  const otherKeys = [secretKey]
  const database = openDatabase({ url, app, secretKey: 'a key yet to come', otherKeys, roleMode, telemetry })
  try {
    const connect = (): Promise<void> =>
      database.system.transaction(async (tx) => void (await tx.query('select pg_sleep(0.01)')))
    await connect()
    assert.equal(database.counts().opened, 2)
    await Promise.all([connect(), connect(), connect()])
    assert.equal(database.counts().opened, 4)
    const heard: (string | undefined)[] = []
    await database.system.listen('rotated', (text) => void heard.push(text))
    await database.system.query(`select pg_notify('rotated', 'hello')`)
    for (const until = Date.now() + 10_000; heard.length === 0 && Date.now() < until;)
      await new Promise((resolve) => setTimeout(resolve, 10))
    assert.deepEqual(heard, ['hello'])
    assert.doesNotMatch(said, /Lost a database connection|Cannot listen/)
  } finally {
    await database.service.stop()
    await close()
  }
})

test('what was refused at the same time counts once, and all passwords are tried before it is given up', async () => {
  const login = createLogin(2)
  const tried: number[] = []
  let right = 1
  const connect = async (refused: number): Promise<number> => {
    tried.push(refused % 2)
    await Promise.resolve()
    if (refused % 2 === right) return refused
    throw Object.assign(new Error('no'), { code: '28P01' })
  }
  await Promise.all([login(connect), login(connect)])
  assert.deepEqual(tried, [0, 0, 1, 1])
  right = 0
  await login(connect)
  await login(connect)
  assert.deepEqual(tried.slice(4), [1, 0, 0])
  right = 7
  await assert.rejects(login(connect), { code: '28P01' })
  assert.equal(tried.length, 9)
})
