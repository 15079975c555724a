import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import type { Generated } from 'kysely'
import { ways } from '../database/testing/index.ts'
import { defineError } from '../kernel/index.ts'
import { contract, defineModule, tables } from '../modules/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app } from './index.ts'

const SoldOut = defineError('TEST_SOLD_OUT', {
  status: 409,
  says: (e: { item: string }) => `There is no '${e.item}' left.`,
  fix: 'Choose another.',
})

const stock = contract('stock', { take: { input: z.string(), output: z.object({ left: z.number() }) } })
const sales = contract('sales', {}, { sold: z.object({ item: z.string() }) })

const folders: string[] = []

async function migrationsOf(sql: string): Promise<URL> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-app-'))
  folders.push(folder)
  await mkdir(join(folder, 'migrations'))
  await writeFile(join(folder, 'migrations/0001_all.sql'), `--! phase: expand\n${sql}`)
  return pathToFileURL(`${folder}/migrations/`)
}

function stockModule(migrations: URL) {
  const m = defineModule('stock', { tables: tables<{ item: { name: string; left: number } }>() })
  let loads = 0
  const item = m.cache('item', {
    ttl: '1h',
    load: async (name: string, { db }) => {
      loads++
      return db.selectFrom('item').selectAll().where('name', '=', name).executeTakeFirstOrThrow()
    },
  })
  const show = m.route('GET /items/:name', {
    auth: 'public',
    reply: z.object({ name: z.string(), left: z.number(), loads: z.number() }),
    handler: async ({ params }) => ({ ...(await item.get(params.name)), loads }),
  })
  const implementation = m.implement(stock, {
    take: ({ input, db }) =>
      db.transaction(async (tx) => {
        const row = await tx
          .updateTable('item')
          .set((eb) => ({ left: eb('left', '-', 1) }))
          .where('name', '=', input)
          .where('left', '>', 0)
          .returning('left')
          .executeTakeFirst()
        if (!row) throw SoldOut({ item: input })
        await item.invalidate(input, { tx })
        return { ...row, secret: 'not in the contract' }
      }),
  })
  return m.build({ parts: [item, show, implementation], migrations })
}

function salesModule(migrations: URL) {
  const m = defineModule('sales', {
    uses: { stock },
    tables: tables<{ sale: { id: Generated<number>; item: string; note: string | null } }>(),
    settings: z.object({ GREETING: z.string().default('hello') }),
  })
  const sold = m.event(sales.events.sold)
  const note = m.job('note', {
    input: z.object({ id: z.number() }),
    run: async ({ input, db, settings }) => {
      await db.updateTable('sale').set({ note: settings.GREETING }).where('id', '=', input.id).execute()
    },
  })
  const sell = m.route('POST /sales', {
    auth: 'public',
    body: z.object({ item: z.string(), fail: z.boolean().default(false) }),
    reply: z.object({ id: z.number(), left: z.number() }),
    handler: async ({ body, db, call }) => {
      const { left } = await call.stock.take(body.item)
      const { id } = await db.transaction(async (tx) => {
        const row = await tx.insertInto('sale').values({ item: body.item }).returning('id').executeTakeFirstOrThrow()
        await note.enqueue({ id: row.id }, { tx })
        await sold.publish({ item: body.item }, { tx })
        if (body.fail) throw new Error('the till is on fire')
        return row
      })
      return { id, left, extra: 'stripped' }
    },
  })
  const careless = m.route('POST /careless', {
    auth: 'public',
    handler: ({ db }) => db.transaction(async () => void (await note.enqueue({ id: 1 }))),
  })
  return m.build({ parts: [sold, note, sell, careless], migrations })
}

const heard: string[] = []

function listenerModule() {
  const m = defineModule('listener', { uses: { sales } })
  const on = m.on(sales.events.sold, 'hear', { run: async ({ event }) => void heard.push(event.item) })
  return m.build({ parts: [on] })
}

for (const via of ways())
  describe(`an app, ${via}`, () => {
    let running: TestApp

    before(async () => {
      const modules = [
        stockModule(
          await migrationsOf(
            `create table item (name text primary key, "left" int not null check ("left" >= 0)); insert into item values ('mug', 2)`,
          ),
        ),
        salesModule(
          await migrationsOf(
            'create table sale (id bigint generated always as identity, item text not null, note text)',
          ),
        ),
        listenerModule(),
      ]
      running = await startTestApp(app({ name: 'testapp', modules }), {
        via,
        roles: ['web', 'worker', 'cron', 'console'],
      })
    })
    after(async () => {
      await running.close()
      heard.length = 0
      await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })))
    })

    const post = (path: string, body: unknown): Promise<Response> =>
      running.fetch(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })

    test('a request calls another module, and its transaction carries a job and an event', async () => {
      const first = await running.fetch('/items/mug')
      assert.deepEqual(await first.json(), { name: 'mug', left: 2, loads: 1 })
      const reply = await post('/sales', { item: 'mug' })
      assert.equal(reply.status, 200)
      assert.deepEqual(await reply.json(), { id: 1, left: 1 })
      await running.drain()
      assert.deepEqual(await running.db('sales').selectFrom('sale').selectAll().execute(), [
        { id: 1, item: 'mug', note: 'hello' },
      ])
      assert.deepEqual(heard, ['mug'])
    })

    test('a cached value is loaded again after the transaction that changed it', async () => {
      const reply = await running.fetch('/items/mug')
      assert.deepEqual(await reply.json(), { name: 'mug', left: 1, loads: 2 })
      const again = await running.fetch('/items/mug')
      assert.equal(((await again.json()) as { loads: number }).loads, 2)
    })

    test('what was rolled back leaves no job and no event, and the client no inside', async () => {
      const reply = await post('/sales', { item: 'mug', fail: true })
      assert.equal(reply.status, 500)
      const problem = await reply.text()
      assert.match(reply.headers.get('content-type')!, /application\/problem\+json/)
      assert.doesNotMatch(problem, /at .*\.ts/)
      await running.drain()
      const { rows } = await running.db('sales').sql<{ n: number }>`select count(*) as n from sale`
      assert.deepEqual([rows[0]!.n, heard], [1, ['mug']])
    })

    test('an error of the called module reaches the client with its code', async () => {
      const reply = await post('/sales', { item: 'mug' })
      assert.equal(reply.status, 409)
      const problem = (await reply.json()) as Record<string, unknown>
      assert.equal(problem.code, 'TEST_SOLD_OUT')
      assert.equal(problem.detail, "There is no 'mug' left.")
    })

    test('a job enqueued past the open transaction is an error while developing', async () => {
      const reply = await post('/careless', {})
      assert.equal(((await reply.json()) as { code: string }).code, 'TF_ENQUEUE_OUTSIDE_TRANSACTION')
    })

    test('a job that no module lists is refused, as is an input of the wrong form', async () => {
      const stray = defineModule('sales').job('stray', { input: z.string(), run: async () => {} })
      await assert.rejects(
        running.run(() => stray.enqueue('nobody would run it')),
        { code: 'TF_JOB_UNKNOWN', fix: /parts/ },
      )
      const note = defineModule('sales').job('note', { input: z.string(), run: async () => {} })
      await assert.rejects(
        running.run(() => note.enqueue(7 as never)),
        { code: 'TF_JOB_INPUT_INVALID' },
      )
      assert.throws(() => defineModule('sales').build({ parts: [note, note] }), { code: 'TF_DUPLICATE_NAME' })
    })

    test('the console knows the request, its queries and its jobs', async () => {
      const { inspector } = running.instance
      const jobs = await inspector.jobs({ limit: 10 })
      assert.ok(jobs.some((job) => job.name === 'sales.note' && job.state === 'done'))
      const page = await fetch(running.instance.consoleUrl!)
      assert.equal(page.status, 200)
    })

    test('the API reference describes each route', async () => {
      const document = (await (await running.fetch('/openapi.json')).json()) as {
        openapi: string
        paths: Record<string, unknown>
      }
      assert.equal(document.openapi.slice(0, 3), '3.1')
      assert.deepEqual(Object.keys(document.paths).sort(), ['/careless', '/items/{name}', '/sales'])
    })
  })

describe('an app that cannot work', () => {
  const start = (definition: ReturnType<typeof app>): Promise<unknown> =>
    definition.start({ roles: [], variables: { DATABASE_URL: 'postgres://127.0.0.1:1/none', NODE_ENV: 'test' } })

  test('names every wrong edge between its modules at once', async () => {
    const a = defineModule('a', { uses: { stock, sales } })
    const modules = [
      a.build({
        parts: [
          a.on(sales.events.sold, 'hear', { run: async () => {} }),
          a.route('GET /x/:id', { auth: 'public', handler: () => {} }),
        ],
      }),
      defineModule('sales').build({
        parts: [defineModule('sales').route('GET /x/:other', { auth: 'public', handler: () => {} })],
      }),
    ]
    await assert.rejects(
      start(app({ name: 'broken', modules })),
      (error: Error & { code: string; details: { problems: string[] } }) => {
        assert.equal(error.code, 'TF_BAD_APP')
        assert.deepEqual(error.details.problems, [
          "two routes are 'GET /x/:…'",
          "'a' uses 'stock', which is not among the app's modules",
          "'a.hear' listens to 'sales.sold', which 'sales' does not list as m.event(…)",
        ])
        return true
      },
    )
  })

  test('modules that use each other in a ring are refused', async () => {
    const one = contract('one', {})
    const two = contract('two', {})
    const modules = [
      defineModule('one', { uses: { two } }).build({ parts: [] }),
      defineModule('two', { uses: { one } }).build({ parts: [] }),
    ]
    await assert.rejects(start(app({ name: 'ring', modules })), /modules use each other in a ring: one → two → one/)
  })

  test('every missing or wrong setting is listed at once', async () => {
    const variables = { NODE_ENV: 'production', PORT: 'eighty', DATABASE_URL: 'mysql://x' }
    await assert.rejects(
      app({ name: 'x', modules: [] }).start({ variables }),
      (error: Error & { details: { problems: { at: string }[] } }) => {
        assert.deepEqual(error.details.problems.map(({ at }) => at).toSorted(), ['DATABASE_URL', 'PORT', 'SECRET_KEY'])
        return true
      },
    )
  })
})
