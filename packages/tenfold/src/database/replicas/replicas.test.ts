import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { sql, type Generated } from 'kysely'
import { createTelemetry, type Telemetry } from '../../telemetry/index.ts'
import { migrate, openDatabase, type Db, type MigrationSource } from '../index.ts'
import {
  createDatabase,
  createReplica,
  databaseUrl,
  startPrimary,
  testDatabase,
  testServer,
  type TestDatabase,
  type TestReplica,
} from '../testing/index.ts'

interface Tables {
  note: { id: Generated<number>; text: string }
}

interface Instance {
  db: Db<Tables>
  telemetry: Telemetry
  positions: NonNullable<TestDatabase['database']['positions']>
  database: TestDatabase['database']
  /** How often each server has answered a read. */
  reads(): Record<string, number>
  /** As a request that comes with `token`; gives what the next one has to know. */
  request<T>(
    token: string | undefined,
    fn: (db: Db<Tables>) => Promise<T>,
  ): Promise<{ value: T; token: string | undefined }>
}

let replica: TestReplica
let home: TestDatabase
let here: Instance
let there: Instance
const closers: (() => Promise<void>)[] = []

before(async () => {
  replica = await createReplica(await testServer())
  home = await testDatabase({ migrations: [notes()], replicas: [replica] })
  here = instance()
  there = instance()
  await Promise.all([here.database.service.start(), there.database.service.start()])
})

after(async () => {
  for (const close of closers) await close()
  await home?.close()
  await replica?.close()
})

test('reads go to the replica, writes and whatever is not provably a read to the primary', async () => {
  await here.request(undefined, async (db) => {
    await db.selectFrom('note').selectAll().execute()
    await db
      .selectFrom('note')
      .select((eb) => eb.fn.countAll().as('n'))
      .orderBy('n', 'desc')
      .execute()
    await db.replica.sql`select 1`
    await db.readonly((tx) => tx.selectFrom('note').selectAll().execute())
  })
  assert.deepEqual(here.reads(), { 'replica-1': 4 })
  const elsewhere: ((db: Db<Tables>) => Promise<unknown>)[] = [
    (db: Db<Tables>) => db.selectFrom('note').selectAll().forUpdate().execute(),
    (db: Db<Tables>) =>
      db
        .selectFrom('note')
        .select(sql`pg_current_xact_id()`.as('id'))
        .execute(),
    (db: Db<Tables>) =>
      db
        .with('w', (q) => q.insertInto('note').values({ text: 'x' }).returningAll())
        .selectFrom('w')
        .selectAll()
        .execute(),
    (db: Db<Tables>) => db.sql`insert into note (text) values ('raw')`,
    (db: Db<Tables>) => db.transaction((tx) => tx.insertInto('note').values({ text: 'tx' }).execute()),
  ]
  for (const run of elsewhere) {
    const { token } = await here.request(undefined, run)
    assert.match(token!, /^\w+\.1\.\w+\.\w+$/)
  }
  assert.deepEqual(here.reads(), {})
})

test('a write is seen by the next request, on this instance and on another, however far behind the replica is', async () => {
  for (const lagMs of [0, 5, 300]) {
    await replica.setLag(lagMs)
    for (let i = 0; i < 20; i++) {
      const text = `lag ${lagMs}, ${i}`
      const write = i % 2 === 0 ? insert : insertInTransaction
      const { token } = await here.request(undefined, write(text))
      for (const reader of [here, there]) {
        const { value } = await reader.request(token, find(text))
        assert.equal(value, 1, text)
      }
    }
  }
  await replica.setLag(0)
})

test('without its position a request on another instance may miss a write, as it should: the replica is really behind', async () => {
  await replica.caughtUp()
  await replica.pause()
  try {
    const { token } = await here.request(undefined, insert('unseen'))
    assert.equal((await there.request(undefined, find('unseen'))).value, 0)
    assert.equal((await there.request(token, find('unseen'))).value, 1)
  } finally {
    await replica.resume()
  }
})

test('after a write the same request reads from the primary, and its later requests from the replica again', async () => {
  here.reads()
  const { token } = await here.request(undefined, async (db) => {
    await insert('then read')(db)
    assert.equal(await find('then read')(db), 1)
  })
  assert.deepEqual(here.reads(), { primary: 1 })
  await until(async () => {
    await replica.caughtUp()
    await here.request(token, find('then read'))
    return here.reads()['replica-1'] === 1
  })
})

test('positions of another history, of the future and of no form at all are harmless', async () => {
  await replica.caughtUp()
  here.reads()
  const { token } = await here.request(undefined, insert('odd'))
  const [cluster, timeline, lsn, at] = token!.split('.')
  await here.request(`${cluster}.9.${lsn}.${at}`, find('odd'))
  await here.request(`${cluster}.${timeline}.ffffffffffff.${at}`, find('odd'))
  assert.deepEqual(here.reads(), { primary: 2 })
  for (const text of ['', 'x', `${cluster}.${timeline}.zz.${at}`, 'a'.repeat(5000), `${cluster}.9.${lsn}.1`]) {
    await here.request(text, find('odd'))
  }
  assert.deepEqual(here.reads(), { 'replica-1': 5 })
})

test('a write inside of what was said to be a read runs on the primary', async () => {
  const { value } = await here.request(undefined, async (db) => {
    await db.replica.sql`insert into note (text) values ('misplaced')`
    return find('misplaced')(db)
  })
  assert.equal(value, 1)
})

test('a read that fails for its own reasons fails once, and the replica stays', async () => {
  here.reads()
  await assert.rejects(
    here.request(undefined, (db) => db.replica.sql`select 1 / 0`),
    { code: '22012' },
  )
  await assert.rejects(
    here.request(undefined, (db) => db.readonly(() => Promise.reject(new Error('of the app')))),
    /of the app/,
  )
  assert.deepEqual(here.reads(), {})
  assert.equal(here.database.replicas()[0]!.state, 'up')
})

test('a table that the replica does not know yet is read from the primary', async () => {
  await replica.caughtUp()
  await replica.pause()
  try {
    const admin = openAdmin()
    await admin.query('create table notes.fresh as select 1 as id; grant select on notes.fresh to test_notes')
    const { value } = await here.request(undefined, (db) => db.replica.sql`select * from fresh`)
    assert.equal(value.rowCount, 1)
  } finally {
    await replica.resume()
  }
})

test('a dead replica costs no answer, is found and is taken back', async () => {
  await replica.kill()
  const { token } = await here.request(undefined, insert('while it is dead'))
  for (let i = 0; i < 20; i++) assert.equal((await there.request(token, find('while it is dead'))).value, 1)
  await until(() => there.database.replicas()[0]!.state === 'down')
  await replica.restart()
  await until(async () => {
    await there.request(undefined, find('never written'))
    return (there.reads()['replica-1'] ?? 0) > 0
  })
  assert.equal((await there.request(token, find('while it is dead'))).value, 1)
})

test('what is not a replica of this database is left out, with the reason', async () => {
  const other = instance([home.url, 'postgres://nobody:wrong@127.0.0.1:1/none'])
  await other.database.service.start()
  assert.equal((await other.request(undefined, find('never written'))).value, 0)
  assert.deepEqual(other.reads(), { primary: 1 })
  const [itself, nowhere] = other.database.replicas()
  assert.match(itself!.reason!, /not in recovery/)
  assert.match(nowhere!.reason!, /ECONNREFUSED|password/)
})

test('a replica of another cluster, with the same tables and roles, is left out', async () => {
  const stranger = await startPrimary()
  closers.push(() => stranger.close())
  const name = decodeURIComponent(new URL(home.url).pathname.slice(1))
  const { app, secretKey } = home
  await createDatabase(stranger, name)
  const url = databaseUrl(stranger.adminUrl, name)
  await migrate({ url, app, secretKey, sources: [notes()] })
  const follower = await createReplica(stranger)
  closers.push(() => follower.close())
  const theirs = databaseUrl(follower.adminUrl, name)

  const confused = instance([theirs])
  await confused.database.service.start()
  const { token } = await confused.request(undefined, insert('only here'))
  assert.equal((await confused.request(token, find('only here'))).value, 1)
  assert.equal((await confused.request(undefined, find('only here'))).value, 1)
  assert.deepEqual(Object.keys(confused.reads()), ['primary'])
  assert.match(confused.database.replicas()[0]!.reason!, /does not follow the present primary/)
})

test('a clock that is a day wrong, on either instance, changes nothing', async (t) => {
  const right = Date.now.bind(Date)
  await replica.setLag(300)
  try {
    for (const skew of [86_400_000, -86_400_000]) {
      const text = `by a clock that is ${skew} ms off`
      const wrong = t.mock.method(Date, 'now', () => right() + skew)
      const written = await here.request(undefined, insert(text))
      wrong.mock.restore()
      assert.equal((await there.request(written.token, find(text))).value, 1, 'written by the wrong clock')

      const back = await there.request(undefined, insert(`${text}, back`))
      const again = t.mock.method(Date, 'now', () => right() + skew)
      assert.equal((await here.request(back.token, find(`${text}, back`))).value, 1, 'read by the wrong clock')
      again.mock.restore()
    }
  } finally {
    await replica.setLag(0)
  }
})

function insert(text: string) {
  return (db: Db<Tables>) => db.insertInto('note').values({ text }).execute()
}

function insertInTransaction(text: string) {
  return (db: Db<Tables>) => db.transaction((tx) => tx.insertInto('note').values({ text }).execute())
}

function find(text: string) {
  return async (db: Db<Tables>) => (await db.selectFrom('note').selectAll().where('text', '=', text).execute()).length
}

function instance(
  replicaUrls = [databaseUrl(replica.adminUrl, decodeURIComponent(new URL(home.url).pathname.slice(1)))],
): Instance {
  const { url, app, secretKey, roleMode } = home
  const telemetry = createTelemetry({ service: app, env: 'test', level: 'silent' })
  const database = openDatabase({ url, app, secretKey, roleMode, telemetry, replicaUrls })
  closers.push(() => database.service.stop())
  const db = database.module<Tables>('notes')
  const deltas = telemetry.metrics.deltas()
  const positions = database.positions!
  return {
    db,
    database,
    telemetry,
    positions,
    reads: () =>
      Object.fromEntries(
        deltas()
          .filter(({ name, value }) => name === 'tenfold.db.reads' && value > 0)
          .map(({ labels, value }) => [labels.target, value]),
      ),
    request: (token, fn) =>
      telemetry.root({ kind: 'request', name: 'GET /' }, async () => {
        positions.accept(token)
        const value = await fn(db)
        return { value, token: await positions.written() }
      }),
  }
}

function openAdmin() {
  const telemetry = createTelemetry({ service: 'admin', env: 'test', level: 'silent' })
  const database = openDatabase({
    url: home.url,
    app: 'test',
    secretKey: home.secretKey,
    roleMode: 'shared',
    telemetry,
  })
  closers.push(() => database.service.stop())
  return database.system
}

function notes(): MigrationSource {
  const directory = mkdtempSync(join(tmpdir(), 'tenfold-notes-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  const table = 'create table note (id bigint generated always as identity primary key, text text not null);'
  writeFileSync(join(directory, '0001_note.sql'), `--! phase: expand\n${table}\n`)
  return { module: 'notes', schema: 'notes', directory }
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'this did not happen within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
