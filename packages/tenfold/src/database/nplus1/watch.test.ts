import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { sql, type Generated } from 'kysely'
import { createTelemetry, type TraceRecord } from '../../telemetry/index.ts'
import type { Db } from '../index.ts'
import { testDatabase, type TestDatabase } from '../testing/index.ts'
import { type DatabaseFinding, tell } from './index.ts'

interface Tables {
  author: { id: Generated<number>; name: string }
  post: { id: Generated<number>; author_id: number; title: string }
}

const SCHEMA = `--! phase: expand
create table author (id bigint generated always as identity primary key, name text not null);
create table post (id bigint generated always as identity primary key, author_id bigint not null, title text not null);
insert into author (name) select 'author ' || n from generate_series(1, 30) n;
insert into post (author_id, title) select 1 + n % 30, 'post ' || n from generate_series(1, 30) n;`

describe('the watch over repeated queries', () => {
  let folder: string
  let testing: TestDatabase
  let db: Db<Tables>
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-nplus1-'))
    await mkdir(join(folder, 'migrations'))
    await writeFile(join(folder, 'migrations/0001_blog.sql'), SCHEMA)
    const directory = pathToFileURL(`${folder}/migrations/`)
    testing = await testDatabase({ migrations: [{ module: 'blog', schema: 'blog', directory }], telemetry })
    db = testing.database.module<Tables>('blog')
  })
  after(async () => {
    await testing.close()
    await rm(folder, { recursive: true })
  })

  /** What is found in `work`, and its trace. */
  async function watched(work: () => Promise<unknown>): Promise<{ findings: DatabaseFinding[]; trace: TraceRecord }> {
    const findings: DatabaseFinding[] = []
    const traces: TraceRecord[] = []
    const stops = [
      testing.database.watch!.onFindings((found) => findings.push(...found)),
      telemetry.addSink({ onTrace: (trace) => void traces.push(trace) }),
    ]
    try {
      await telemetry.root({ kind: 'request', name: 'GET /posts' }, work)
    } finally {
      for (const stop of stops) stop()
    }
    return { findings, trace: traces[0]! }
  }
  const posts = (limit: number) => db.selectFrom('post').selectAll().orderBy('id').limit(limit).execute()
  const author = (id: number) => db.selectFrom('author').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

  test('names the line, the query that gave the keys, and the column', async () => {
    const { findings, trace } = await watched(async () => {
      for (const post of await posts(10)) await author(post.author_id)
    })
    assert.equal(findings.length, 1)
    const { callSite, ...rest } = findings[0]!
    assert.deepEqual(rest, {
      code: 'n-plus-one',
      what: 'read',
      origin: { kind: 'request', name: 'GET /posts' },
      module: 'blog',
      query: 'select * from "author" where "id" = ?',
      times: 10,
      column: 'id',
      distinctKeys: 10,
      source: { kind: 'query', query: 'select * from "post" order by "id" limit ?', column: 'author_id' },
    })
    assert.match(callSite!.file, /nplus1\/watch\.test\.ts$/)
    assert.deepEqual(trace.findings, findings)
    assert.equal(trace.spans[0]!.attributes['tenfold.findings'], 1)
    assert.match(tell(findings[0]!), /once for each 'author_id' in the result of: select \* from "post"/)
  })

  test('finds it in parallel awaits, and in a transaction', async () => {
    const parallel = await watched(async () => {
      await Promise.all((await posts(8)).map((post) => author(post.author_id)))
    })
    assert.deepEqual(
      parallel.findings.map(({ code, times }) => [code, times]),
      [['n-plus-one', 8]],
    )
    assert.ok(parallel.findings[0]!.callSite, 'a line')
    const inside = await watched(() =>
      db.transaction(async (tx) => {
        for (const post of await tx.selectFrom('post').selectAll().orderBy('id').limit(6).execute()) {
          await tx.selectFrom('author').select('name').where('id', '=', post.author_id).execute()
        }
      }),
    )
    assert.equal(inside.findings.length, 1)
    assert.ok(inside.findings[0]!.callSite, 'a line')
  })

  test('finds values that were written into the text', async () => {
    const { findings } = await watched(async () => {
      for (const { author_id } of await posts(6)) {
        await db.sql`${sql.raw(`select name from author where id = ${author_id}`)}`
      }
    })
    assert.deepEqual(
      findings.map(({ times }) => times),
      [6],
    )
  })

  test('says nothing of three, of keys from elsewhere, and of one query for all', async () => {
    const { findings } = await watched(async () => {
      const all = await posts(10)
      for (const post of all.slice(0, 3)) await author(post.author_id)
      const ids = all.map((post) => post.author_id)
      await db.selectFrom('author').selectAll().where('id', 'in', ids).execute()
    })
    assert.deepEqual(findings, [])
    const elsewhere = await watched(async () => {
      for (const id of [3, 9, 27, 14, 22]) await author(id)
    })
    assert.deepEqual(elsewhere.findings, [])
  })

  test('a read that is repeated as it was is something else', async () => {
    const { findings } = await watched(async () => {
      for (let i = 0; i < 5; i++) await author(7)
    })
    assert.deepEqual(
      findings.map(({ code, times }) => [code, times]),
      [['repeat-read', 5]],
    )
  })

  test('a job that runs on and on, with ever new queries, is judged by its beginning', async () => {
    const { findings } = await watched(async () => {
      for (const post of await posts(30)) await author(post.author_id)
      for (let i = 0; i < 300; i++) await db.sql`${sql.raw(`select 1 as column_${'x'.repeat(1 + (i % 50))}_${i}`)}`
      for (let i = 0; i < 20; i++) await posts(30)
    })
    assert.deepEqual(
      findings.map(({ code, times }) => [code, times]),
      [
        ['repeat-read', 21],
        ['n-plus-one', 30],
      ],
    )
  })

  test('a huge body costs milliseconds, and so do names of its fields', async () => {
    const nested = (depth: number): unknown =>
      depth === 0
        ? 'x'.repeat(20)
        : Array.from({ length: 60 }, (_, i) => ({ [`field ${i}`.repeat(50)]: nested(depth - 1) }))
    const body = nested(3)
    let begun = 0
    const { findings } = await watched(async () => {
      testing.database.watch!.given('the request body', body)
      for (let id = 1000; id < 1010; id++) await db.selectFrom('author').selectAll().where('id', '=', id).execute()
      begun = performance.now()
    })
    const tookMs = performance.now() - begun
    assert.ok(tookMs < 250, `${tookMs} ms`)
    assert.deepEqual(
      findings.filter(({ code }) => code === 'n-plus-one'),
      [],
    )
  })
})
