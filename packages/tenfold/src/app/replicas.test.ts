import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Generated } from 'kysely'
import { z } from 'zod'
import { createReplica, testServer, type TestReplica } from '../database/testing/index.ts'
import { defineModule, tables } from '../modules/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app } from './index.ts'

let replica: TestReplica
let here: TestApp
/** A second instance of the same app on the same database. */
let there: { url: string; stop(): Promise<void> }
const seenByJobs: number[] = []

before(async () => {
  replica = await createReplica(await testServer())
  const noteApp = app({ name: 'notesapp', modules: [notes()] })
  here = await startTestApp(noteApp, { replicas: [replica] })
  const { variables } = here.instance.environment
  const instance = await noteApp.start({ roles: ['web'], variables: { ...variables } })
  there = { url: instance.url!, stop: () => instance.stop() }
})

after(async () => {
  await there?.stop()
  await here?.close()
  await replica?.close()
})

test('a browser sees its own write on another instance, through the cookie', async () => {
  await behind(async () => {
    const posted = await post(here.url, 'by cookie')
    const cookie = posted.headers.getSetCookie().find((line) => line.startsWith('tf_position='))!
    assert.match(cookie, /Max-Age=60; Path=\/; HttpOnly/)
    assert.equal(await count('by cookie', { cookie: cookie.split(';')[0]! }), 1)
    assert.equal(await count('by cookie', {}), 0, 'a stranger reads from the replica, which is behind')
    const forged = cookie.split(';')[0]!.replace(/=\w/, '=0')
    assert.equal(await count('by cookie', { cookie: forged }), 0)
  })
})

test('an API client sees its own write on another instance, through the header', async () => {
  await behind(async () => {
    const posted = await post(here.url, 'by header', { authorization: 'Bearer none' })
    assert.deepEqual(posted.headers.getSetCookie(), [])
    const position = posted.headers.get('x-tenfold-position')!
    assert.equal(await count('by header', { 'x-tenfold-position': position }), 1)
  })
})

test('what was committed before a request failed is seen by the next one', async () => {
  await behind(async () => {
    const failed = await post(here.url, 'then fail')
    assert.equal(failed.status, 500)
    assert.equal(await count('then fail', { 'x-tenfold-position': failed.headers.get('x-tenfold-position')! }), 1)
  })
})

test('a reply to who has written nothing carries nothing', async () => {
  const reply = await fetch(`${there.url}/notes/x`)
  assert.equal(reply.headers.get('x-tenfold-position'), null)
  assert.deepEqual(reply.headers.getSetCookie(), [])
})

test('a job reads the rows that it was enqueued with', async () => {
  seenByJobs.length = 0
  await behind(async () => {
    await post(here.url, 'for a job')
    await here.drain()
  })
  assert.deepEqual(seenByJobs, [1])
})

test('a cached value from a replica is not given to who has written since, and an invalidated one is not loaded again from a replica that lags', async () => {
  await behind(async () => {
    assert.equal(await cached('shared', {}), 0, 'a stranger fills the cache of the other instance from the replica')
    const position = (await post(here.url, 'shared')).headers.get('x-tenfold-position')!
    assert.equal(await cached('shared', { 'x-tenfold-position': position }), 1)
    const reply = await fetch(`${here.url}/invalidate/shared`, { method: 'POST' })
    assert.equal(reply.status, 204)
    await until(async () => (await cached('shared', {})) === 1)
    for (let i = 0; i < 20; i++) assert.equal(await cached('shared', {}), 1)
  })
})

test('the bindings name the replicas, and the stage is the one with replicas', async () => {
  assert.deepEqual(
    here.instance.bindings.filter(({ variable }) => variable === 'DATABASE_REPLICA_URLS').map(({ part }) => part),
    ['replica-1'],
  )
  const { stage } = await here.instance.inspector.overview({ minutes: 5 })
  assert.equal(stage.number, 4)
})

/** Runs `fn` while the replica takes in nothing. */
async function behind(fn: () => Promise<void>): Promise<void> {
  await replica.caughtUp()
  await until(async () => {
    await count('warm up', {})
    return here.instance.database.replicas()[0]!.state === 'up'
  })
  await replica.pause()
  try {
    await fn()
  } finally {
    await replica.resume()
  }
}

function post(url: string, text: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ text }),
  })
}

async function count(text: string, headers: Record<string, string>): Promise<number> {
  const reply = await fetch(`${there.url}/notes/${text}`, { headers })
  return ((await reply.json()) as { count: number }).count
}

async function cached(text: string, headers: Record<string, string>): Promise<number> {
  const reply = await fetch(`${there.url}/cached/${text}`, { headers })
  return ((await reply.json()) as { count: number }).count
}

function notes() {
  const m = defineModule('notes', { tables: tables<{ note: { id: Generated<number>; text: string } }>() })
  const Count = z.object({ count: z.number() })
  const number = m.cache('number', {
    ttl: '1h',
    load: async (text: string, { db }) =>
      (await db.selectFrom('note').selectAll().where('text', '=', text).execute()).length,
  })
  const look = m.job('look', {
    input: z.object({ id: z.number() }),
    run: async ({ input, db }) => {
      seenByJobs.push((await db.selectFrom('note').selectAll().where('id', '=', input.id).execute()).length)
    },
  })
  const add = m.route('POST /notes', {
    auth: 'public',
    body: z.object({ text: z.string() }),
    handler: async ({ body, db }) => {
      await db.transaction(async (tx) => {
        const { id } = await tx.insertInto('note').values(body).returning('id').executeTakeFirstOrThrow()
        if (body.text === 'for a job') await look.enqueue({ id: Number(id) }, { tx })
      })
      if (body.text === 'then fail') throw new Error('after the commit')
    },
  })
  const find = m.route('GET /notes/:text', {
    auth: 'public',
    reply: Count,
    handler: async ({ params, db }) => ({
      count: (await db.selectFrom('note').selectAll().where('text', '=', params.text).execute()).length,
    }),
  })
  const fromCache = m.route('GET /cached/:text', {
    auth: 'public',
    reply: Count,
    handler: async ({ params }) => ({ count: await number.get(params.text) }),
  })
  const invalidate = m.route('POST /invalidate/:text', {
    auth: 'public',
    handler: ({ params }) => number.invalidate(params.text),
  })
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-notes-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const table = 'create table note (id bigint generated always as identity primary key, text text not null);'
  writeFileSync(join(folder, '0001_note.sql'), `--! phase: expand\n${table}\n`)
  return m.build({ parts: [number, look, add, find, fromCache, invalidate], migrations: pathToFileURL(`${folder}/`) })
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'this did not happen within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
