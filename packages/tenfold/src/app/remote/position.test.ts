import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Generated } from 'kysely'
import { z } from 'zod'
import { createReplica, testServer, type TestReplica } from '../../database/testing/index.ts'
import { contract, defineModule, tables } from '../../modules/index.ts'
import { startTestApp, type TestApp } from '../../testing.ts'
import { app } from '../index.ts'

const folder = mkdtempSync(join(tmpdir(), 'tenfold-remote-notes-'))
const table = 'create table note (id bigint generated always as identity primary key, text text not null);'
writeFileSync(join(folder, '0001_note.sql'), `--! phase: expand\n${table}\n`)

const store = contract('store', {
  add: { input: z.string(), output: z.undefined() },
  count: { input: z.string(), output: z.number() },
})
const s = defineModule('store', { tables: tables<{ note: { id: Generated<number>; text: string } }>() })
const code = s.implement(store, {
  add: async ({ input, db }) => void (await db.insertInto('note').values({ text: input }).execute()),
  count: async ({ input, db }) => (await db.selectFrom('note').selectAll().where('text', '=', input).execute()).length,
})
const m = defineModule('desk', { uses: { store } })
const Count = z.object({ count: z.number() })
const addAndCount = m.route('POST /both/:text', {
  auth: 'public',
  reply: Count,
  async handler({ params: { text }, call }) {
    await call.store.add(text)
    return { count: await call.store.count(text) }
  },
})
const add = m.route('POST /notes/:text', { auth: 'public', handler: ({ params, call }) => call.store.add(params.text) })
const count = m.route('GET /notes/:text', {
  auth: 'public',
  reply: Count,
  handler: async ({ params, call }) => ({ count: await call.store.count(params.text) }),
})
const desk = app({
  name: 'deskapp',
  modules: [
    s.build({ parts: [code], migrations: pathToFileURL(`${folder}/`) }),
    m.build({ parts: [addAndCount, add, count] }),
  ],
})

let replica: TestReplica
let running: TestApp

before(async () => {
  replica = await createReplica(await testServer())
  running = await startTestApp(desk, { roles: ['web'], split: ['store'], replicas: [replica] })
})
after(async () => {
  await running?.close()
  await replica?.close()
  rmSync(folder, { recursive: true, force: true })
})

const counted = async (path: string, init?: RequestInit): Promise<number> =>
  ((await (await running.fetch(path, init)).json()) as { count: number }).count

/** Runs `fn` while the replica of the store's host takes in nothing. */
async function behind(fn: () => Promise<void>): Promise<void> {
  const state = (): string => running.instances[1]!.database.replicas()[0]!.state
  await replica.caughtUp()
  const deadline = Date.now() + 20_000
  while (state() !== 'up' && Date.now() < deadline) {
    await counted('/notes/none')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await replica.pause()
  try {
    await fn()
  } finally {
    await replica.resume()
  }
}

test('what a call has written on another host, the next call of the request reads there', async () => {
  await behind(async () => assert.equal(await counted('/both/one', { method: 'POST' }), 1))
})

test('what a call has written on another host, the next request of the same visitor reads', async () => {
  await behind(async () => {
    const posted = await running.fetch('/notes/two', { method: 'POST' })
    const cookie = posted.headers.getSetCookie().find((line) => line.startsWith('tf_position='))
    assert.ok(cookie, 'the position comes back to whoever asked')
    assert.equal(await counted('/notes/two', { headers: { cookie: cookie.split(';')[0]! } }), 1)
    assert.equal(await counted('/notes/two'), 0, 'a stranger reads from the replica, which is behind')
  })
})
