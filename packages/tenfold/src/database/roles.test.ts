import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { migrate } from './index.ts'
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
