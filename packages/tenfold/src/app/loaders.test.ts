import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import type { Generated } from 'kysely'
import { contract, defineModule, tables } from '../modules/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app } from './index.ts'

interface BlogTables {
  author: { id: Generated<number>; name: string }
  post: { id: Generated<number>; author_id: number; title: string }
}

const SCHEMA = `--! phase: expand
create table author (id bigint generated always as identity primary key, name text not null);
create table post (id bigint generated always as identity primary key, author_id bigint not null, title text not null);
insert into author (name) select 'author ' || n from generate_series(1, 20) n;
insert into post (author_id, title) select 1 + n % 20, 'post ' || n from generate_series(1, 40) n;`

const Author = z.object({ id: z.number(), name: z.string() })
const people = contract('people', {
  author: { input: z.number(), output: Author.nullable(), batch: true },
  slowly: { input: z.number(), output: Author },
  short: { input: z.number(), output: Author, batch: true },
})

const asked: number[][] = []

function peopleModule(migrations: URL) {
  const m = defineModule('people', { tables: tables<BlogTables>() })
  const author = m.loader('author', {
    by: 'id',
    load: (ids: number[], { db }) => {
      asked.push(ids)
      return db.selectFrom('author').selectAll().where('id', 'in', ids).execute()
    },
  })
  const known = m.loader('known', {
    missing: 'error',
    load: async (ids: number[]) => new Map(ids.filter((id) => id < 100).map((id) => [id, `number ${id}`])),
  })
  const posts = m.loader('posts', {
    by: 'author_id',
    many: true,
    load: (ids: number[], { db }) => db.selectFrom('post').selectAll().where('author_id', 'in', ids).execute(),
  })
  const implementation = m.implement(people, {
    author: async ({ inputs }) => (await author.loadMany(inputs)).map((row) => row ?? null),
    slowly: ({ input, db }) => db.selectFrom('author').selectAll().where('id', '=', input).executeTakeFirstOrThrow(),
    short: async () => [],
  })
  return { module: m.build({ parts: [author, known, posts, implementation], migrations }), author, known, posts, db: m }
}

describe('loaders and batched calls', () => {
  let running: TestApp
  let folder: string
  let parts: ReturnType<typeof peopleModule>

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-loaders-'))
    await mkdir(join(folder, 'migrations'))
    await writeFile(join(folder, 'migrations/0001_blog.sql'), SCHEMA)
    parts = peopleModule(pathToFileURL(`${folder}/migrations/`))
    const m = defineModule('pages', { uses: { people } })
    const ids = z.array(z.number())
    const page = m.route('POST /joined', {
      auth: 'public',
      body: ids,
      handler: async ({ body, call }) => void (await Promise.all(body.map((id) => call.people.author(id)))),
    })
    const slow = m.route('POST /slow', {
      auth: 'public',
      body: ids,
      handler: async ({ body, call }) => {
        for (const id of body) await call.people.slowly(id)
      },
    })
    const each = m.route('POST /each', {
      auth: 'public',
      body: ids,
      reply: z.array(z.string()),
      handler: async ({ body, call }) => {
        const outcomes = await Promise.allSettled(body.map((id) => call.people.author(id)))
        return outcomes.map((one) => (one.status === 'rejected' ? 'refused' : (one.value?.name ?? 'nobody')))
      },
    })
    const short = m.route('POST /short', {
      auth: 'public',
      handler: async ({ call }) => void (await call.people.short.many([1, 2])),
    })
    const module = m.build({ parts: [page, slow, each, short] })
    running = await startTestApp(app({ name: 'loadertest', modules: [parts.module, module] }), { roles: ['web'] })
  })
  after(async () => {
    await running.close()
    await rm(folder, { recursive: true })
  })
  const post = (path: string, body: unknown): Promise<Response> =>
    running.fetch(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })

  test('keys of one tick are one query, whatever is awaited before it', async () => {
    asked.length = 0
    await running.run(async () => {
      const deep = async (id: number): Promise<unknown> => {
        await Promise.resolve()
        await (async () => {})()
        return parts.author.load(id)
      }
      const rows = await Promise.all([parts.author.load(3), deep(4), parts.author.load(3), deep(999)])
      assert.deepEqual(rows, [{ id: 3, name: 'author 3' }, { id: 4, name: 'author 4' }, rows[0], undefined])
      await parts.author.load(4)
    })
    assert.deepEqual(asked, [[3, 4, 999]])
  })

  test('a row is kept for one request, until it is forgotten', async () => {
    asked.length = 0
    await running.run(async () => {
      await parts.author.load(5)
      await parts.author.load(5)
      parts.author.forget(5)
      await parts.author.load(5)
    })
    await running.run(() => parts.author.load(5))
    assert.deepEqual(asked, [[5], [5], [5]])
  })

  test('several rows of a key come as an array, and Maps do as well', async () => {
    await running.run(async () => {
      const [some, none] = await parts.posts.loadMany([1, 777])
      assert.deepEqual([some!.map((post) => post.author_id), none], [[1, 1], []])
      assert.equal(await parts.known.load(7), 'number 7')
      await assert.rejects(parts.known.load(700), { code: 'TF_LOADER_MISSING' })
    })
  })

  test('within a transaction it sees what that has written, and only there', async () => {
    const db = running.db<BlogTables>('people')
    await running.run(async () => {
      await parts.author.load(6)
      await db.transaction(async (tx) => {
        await tx.updateTable('author').set({ name: 'renamed' }).where('id', '=', 6).execute()
        assert.equal((await parts.author.load(6, { tx }))?.name, 'renamed')
        assert.equal((await parts.author.load(6))?.name, 'author 6')
      })
    })
  })

  test('a failed load is asked again, not kept', async () => {
    await running.run(async () => {
      await assert.rejects(parts.posts.load('no number' as unknown as number))
      assert.equal((await parts.posts.load(1)).length, 2)
    })
  })

  test('calls of one tick go over as one, each with an outcome of its own', async () => {
    asked.length = 0
    assert.equal((await post('/joined', [1, 2, 3, 4, 5, 6])).status, 204)
    assert.deepEqual(asked, [[1, 2, 3, 4, 5, 6]])
    assert.deepEqual(await (await post('/each', [1, 888])).json(), ['author 1', 'nobody'])
    const reply = await post('/short', {})
    assert.equal(((await reply.json()) as { code: string }).code, 'TF_BATCH_LENGTH')
    running.expectNoNPlusOne()
  })

  test('what the test itself does within the app is let off', async () => {
    const db = running.db<BlogTables>('people')
    await running.run(async () => {
      const authors = await db
        .insertInto('author')
        .values([1, 2, 3, 4, 5].map(() => ({ name: 'x' })))
        .returning('id')
        .execute()
      for (const { id } of authors) await db.insertInto('post').values({ author_id: id, title: 'x' }).execute()
    })
    running.expectNoNPlusOne()
  })

  test('calls in a loop fail the test, with the line and the way out', async () => {
    await post('/slow', [11, 12, 13, 14, 15])
    assert.throws(
      () => running.expectNoNPlusOne(),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'TF_N_PLUS_ONE')
        assert.match(error.message, /people\.slowly was called 5 times/)
        assert.match(error.message, /loaders\.test\.ts:\d+/)
        assert.match(error.message, /1 N\+1 query ran/)
        return true
      },
    )
    running.expectNoNPlusOne()
  })
})

describe('what a test may allow', () => {
  /** An app whose `POST /slow` asks for each id; closed again, with what that says. */
  async function closed(nPlusOne: NonNullable<Parameters<typeof startTestApp>[1]>['nPlusOne']): Promise<unknown> {
    const m = defineModule('loops')
    const slow = m.route('POST /slow', {
      auth: 'public',
      body: z.array(z.string()),
      handler: async ({ body, db }) => {
        for (const id of body) await db.sql`select ${id} as id where ${id} = ${id}`
      },
    })
    const running = await startTestApp(app({ name: 'loops', modules: [m.build({ parts: [slow] })] }), {
      roles: ['web'],
      ...(nPlusOne && { nPlusOne }),
    })
    const ids = Array.from({ length: 6 }, () => crypto.randomUUID())
    const headers = { 'content-type': 'application/json' }
    await running.fetch('/slow', { method: 'POST', headers, body: JSON.stringify(ids) })
    return running.close().then(
      () => 'quiet',
      (error: { code: string }) => error.code,
    )
  }

  test('nothing, a route by its name, a file, everything', async () => {
    assert.equal(await closed(undefined), 'TF_N_PLUS_ONE')
    assert.equal(await closed({ allow: ['GET /slow', 'elsewhere.ts'] }), 'TF_N_PLUS_ONE')
    assert.equal(await closed({ allow: ['POST /slow'] }), 'quiet')
    assert.equal(await closed({ allow: ['app/loaders.test.ts'] }), 'quiet')
    assert.equal(await closed('ignore'), 'quiet')
  })
})
