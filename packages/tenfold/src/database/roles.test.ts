import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { migrate } from './index.ts'
import { ensureRoles, passwordOf } from './roles.ts'
import type { Sql } from './sql.ts'
import { testDatabase, ways } from './testing/index.ts'

for (const via of ways())
  test(`migrating again leaves the passwords of the roles as they are, and running instances go on (${via})`, async (t) => {
    const sources = [{ module: 'orders', schema: 'orders', directory: '/nowhere' }]
    const db = await testDatabase({ app: `salt_${via}`, migrations: sources, via })
    const kept = async () => {
      const { rows } = await admin.query(
        'select rolname, rolpassword from pg_authid where rolname like $1 order by 1',
        [`salt_${via}_%`],
      )
      return rows
    }
    const admin = new pg.Client({ connectionString: db.url })
    await admin.connect()
    t.after(async () => {
      await admin.end()
      await db.close()
    })
    const orders = db.database.module('orders')
    await orders.sql`select 1`

    const before = await kept()
    await migrate({ url: db.url, app: db.app, secretKey: db.secretKey, sources })
    assert.deepEqual(await kept(), before)
    for (const { rolname, rolpassword } of before) {
      if (rolname !== `salt_${via}_modules`) assert.match(rolpassword, /^SCRAM-SHA-256\$4096:/, rolname)
    }
    // More at a time than are connected: a pooler logs in with what the first one has shown it.
    await Promise.all(Array.from({ length: 5 }, () => orders.sql`select pg_sleep(0.2)`))
  })

test('a plain password is sent to servers alone that refuse verifiers, and to none that failed of something else', async (t) => {
  const app = 'refused'
  const db = await testDatabase({ app })
  const admin = new pg.Client({ connectionString: db.url })
  const other = new pg.Client({ connectionString: db.url })
  await Promise.all([admin.connect(), other.connect()])
  t.after(async () => {
    await Promise.all([admin.end(), other.end()])
    await db.close()
  })
  await admin.query("set lock_timeout = '100ms'")
  const role = 'refused_tenfold_owner'
  const plain = passwordOf(db.secretKey, role)
  let sent = ''
  /** The server, `instead` of whose answer to a verifier something may fail. */
  const server = (instead: (text: string) => Promise<void>): Sql => ({
    query: async (text, values = []) => {
      sent += text
      if (text.includes(' password ')) await instead(text)
      const { rows, rowCount } = await admin.query(text, [...values])
      return { rows, rowCount: rowCount ?? 0 }
    },
  })
  const migrateOn = (on: Sql) => ensureRoles(on, { app, modules: [], secretKey: db.secretKey })

  const locked = server(async () => {
    await other.query('begin')
    await other.query(`alter role ${role} connection limit -1`)
  })
  await assert.rejects(migrateOn(locked), { code: '55P03' })
  await other.query('rollback')
  assert.ok(sent.includes(role) && !sent.includes(plain))

  const refusal = Object.assign(new Error('only plaintext passwords are supported'), { code: 'XX000' })
  const failing = (failure: Error | undefined) =>
    server(async (text) => {
      if (text.includes('SCRAM-SHA-256$')) throw refusal
      if (failure) throw failure
    })
  await assert.rejects(migrateOn(failing(new Error('not this one either'))), { cause: refusal })
  await migrateOn(failing(undefined))
  assert.ok(sent.includes(plain))
})
