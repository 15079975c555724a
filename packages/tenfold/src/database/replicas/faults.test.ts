import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Generated } from 'kysely'
import { createTelemetry } from '../../telemetry/index.ts'
import { openDatabase, type Database, type Db, type MigrationSource } from '../index.ts'
import {
  createReplica,
  databaseUrl,
  pgbouncerProgram,
  startPooler,
  testDatabase,
  testServer,
  type TestDatabase,
  type TestReplica,
} from '../testing/index.ts'

interface Tables {
  note: { id: Generated<number>; text: string }
}

let replica: TestReplica
let home: TestDatabase
let replicaUrl: string
const closers: (() => Promise<void>)[] = []

before(async () => {
  replica = await createReplica(await testServer(), { settings: { max_standby_streaming_delay: '0' } })
  home = await testDatabase({ migrations: [notes()], replicas: [replica] })
  replicaUrl = databaseUrl(replica.adminUrl, decodeURIComponent(new URL(home.url).pathname.slice(1)))
})

after(async () => {
  for (const close of closers.reverse()) await close()
  await home?.close()
  await replica?.close()
})

test('a replica that is paused is left out once it is further behind than allowed, also by those who have written nothing', async () => {
  const app = await open({ maxReplicaLagMs: 300 })
  await app.untilReplica()
  await replica.pause()
  try {
    await app.request((db) => db.insertInto('note').values({ text: 'late' }).execute())
    assert.equal(await app.request(find('late')), 0, 'at first a stranger does not see it')
    const deadline = Date.now() + 10_000
    while ((await app.request(find('late'))) === 0) assert.ok(Date.now() < deadline, 'the replica is still used')
    assert.ok(app.database.replicas()[0]!.lagMs >= 300)
  } finally {
    await replica.resume()
  }
  await app.untilReplica()
})

test('a read that replay cancels is run again on the primary', async () => {
  const app = await open()
  await app.untilReplica()
  let runs = 0
  const count = await app.request((db) =>
    db.readonly(async (tx) => {
      runs++
      const { length } = await tx.selectFrom('note').selectAll().execute()
      if (runs === 1) {
        await admin(`alter table notes.note add column extra_${runs} int`)
        await tx.sql`select pg_sleep(5)`
      }
      return length
    }),
  )
  assert.ok(count >= 0)
  assert.equal(runs, 2)
})

test('a client that knows of no replica is as it was', async () => {
  const { url, app, secretKey, roleMode } = home
  const telemetry = createTelemetry({ service: app, env: 'test', level: 'silent' })
  const database = openDatabase({ url, app, secretKey, roleMode, telemetry })
  closers.push(() => database.service.stop())
  const db = database.module<Tables>('notes')
  await db.insertInto('note').values({ text: 'plain' }).execute()
  for (const reads of [db, db.replica, db.primary]) assert.equal(await find('plain')(reads), 1)
  assert.equal(await db.readonly((tx) => find('plain')(tx)), 1)
  await assert.rejects(
    db.readonly((tx) => tx.insertInto('note').values({ text: 'refused' }).execute()),
    { code: '25006' },
  )
  assert.deepEqual([database.positions, database.replicas()], [undefined, []])
})

test(
  'through poolers that are restarted nobody misses an own write, and replicas are used again',
  { skip: !pgbouncerProgram() && 'pgbouncer is not installed: run scripts/setup' },
  async () => {
    const [before, behind] = await Promise.all([startPooler(await testServer()), startPooler(replica)])
    closers.push(
      () => before.close(),
      () => behind.close(),
    )
    const app = await open({ url: before.urlOf(home.url), replicaUrls: [behind.urlOf(replicaUrl)] })
    await app.untilReplica()
    const state = { written: 0, failed: 0, stop: false }
    const user = async (n: number): Promise<void> => {
      for (let i = 0; !state.stop; i++) {
        const text = `pooled ${n} ${i}`
        const token = await app
          .request(async (db) => {
            await db.insertInto('note').values({ text }).execute()
            return app.database.positions!.written()
          })
          .catch(() => void state.failed++)
        if (token === undefined) continue
        const found = await app.request(find(text), token).catch(() => void state.failed++)
        if (found === undefined) continue
        assert.equal(found, 1, text)
        state.written++
      }
    }
    const users = Promise.all([user(1), user(2), user(3)])
    for (const pooler of [behind, before, behind]) {
      const from = state.written
      await pooler.restart()
      const deadline = Date.now() + 10_000
      while (state.written < from + 30) {
        assert.ok(Date.now() < deadline, 'no pairs after a restart')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    state.stop = true
    await users
    await app.untilReplica()
  },
)

interface App {
  database: Database
  request<T>(fn: (db: Db<Tables>) => Promise<T>, token?: string): Promise<T>
  /** Until a read was answered by the replica. */
  untilReplica(): Promise<void>
}

async function open(options: Partial<Parameters<typeof openDatabase>[0]> = {}): Promise<App> {
  const { url, app, secretKey, roleMode } = home
  const telemetry = createTelemetry({ service: app, env: 'test', level: 'silent' })
  const database = openDatabase({ url, app, secretKey, roleMode, telemetry, replicaUrls: [replicaUrl], ...options })
  closers.push(() => database.service.stop())
  await database.service.start()
  const db = database.module<Tables>('notes')
  const deltas = telemetry.metrics.deltas()
  const request: App['request'] = (fn, token) =>
    telemetry.root({ kind: 'request', name: 'GET /' }, () => {
      database.positions!.accept(token)
      return fn(db)
    })
  return {
    database,
    request,
    async untilReplica() {
      const deadline = Date.now() + 10_000
      for (;;) {
        deltas()
        await request(find('anything'))
        if (deltas().some(({ name, labels }) => name === 'tenfold.db.reads' && labels.target === 'replica-1')) return
        assert.ok(Date.now() < deadline, `the replica is not used: ${JSON.stringify(database.replicas())}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
  }
}

function find(text: string) {
  return async (db: Pick<Db<Tables>, 'selectFrom'>): Promise<number> =>
    (await db.selectFrom('note').select('id').where('text', '=', text).execute()).length
}

async function admin(sql: string): Promise<void> {
  const telemetry = createTelemetry({ service: 'admin', env: 'test', level: 'silent' })
  const database = openDatabase({ url: home.url, app: 'test', secretKey: 'x', roleMode: 'shared', telemetry })
  await database.system.query(sql)
  await database.service.stop()
}

function notes(): MigrationSource {
  const directory = mkdtempSync(join(tmpdir(), 'tenfold-notes-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  const table = 'create table note (id bigint generated always as identity primary key, text text not null);'
  writeFileSync(join(directory, '0001_note.sql'), `--! phase: expand\n${table}\n`)
  return { module: 'notes', schema: 'notes', directory }
}
