import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { sandbox, type Sandbox } from '../sandbox.fixture.ts'

let project: Sandbox & { databaseUrl: string }
before(async () => {
  project = await sandbox({ database: true })
  assert.equal((await project.run(['migrate', 'up'])).code, 0)
})
after(() => project.remove())

test('an index is advised from what was recorded, once it pays, and is not advised again when it is there', async () => {
  const quiet = await project.run(['indexes'])
  assert.deepEqual([quiet.code, quiet.stdout], [0, 'nothing to do for 0 queries\n'])

  const client = new pg.Client({ connectionString: project.databaseUrl })
  await client.connect()
  await client.query(`
    insert into tenfold.telemetry_statement values ('1.2.3', 'notes', 'a', 'select "id" from "note" where "text" = $1'),
                                                   ('1.2.3', 'notes', 'b', 'select "text" from "note" where "id" = $1');
    insert into notes.note (text) select 'note ' || n from generate_series(1, 20000) n`)
  await client.query('vacuum analyze notes.note')
  const advised = await project.run(['indexes', '--json'])
  const { create, drop } = JSON.parse(advised.stdout) as {
    create: { sql: string; helps: { text: string }[] }[]
    drop: []
  }
  assert.deepEqual(
    create.map(({ sql, helps }) => [sql, helps.map(({ text }) => text)]),
    [['create index concurrently note_text on note (text);', ['select "id" from "note" where "text" = $1']]],
  )
  assert.deepEqual([advised.code, drop], [1, []])
  const shown = await project.run(['indexes'])
  assert.match(shown.stdout, /^create index concurrently note_text on note \(text\);\n {2}cost \d+ -> \d+, 1 call/)

  await client.query('set search_path = notes')
  await client.query(create[0]!.sql)
  const built = await project.run(['indexes'])
  assert.match(built.stdout, /^nothing to do for 2 queries/)

  // Nobody reads either, but only the large one says so: tables of a page are read whole. That one was made by hand.
  await client.query('create index note_unread on note ((repeat(text, 5)))')
  await client.query('create table tag (name text); create index tag_name on tag (name)')
  const spared = await project.run(['indexes'])
  assert.match(spared.stdout, /^drop index concurrently "notes"."note_unread";\n {2}nobody reads it; \d\.\d MB\n$/)
  assert.equal(spared.code, 1)
  await client.end()
})

test('a window that is no number of days is refused', async () => {
  const { code, stderr } = await project.run(['indexes', '--days', 'soon'])
  assert.equal(code, 2)
  assert.match(stderr, /TF_BAD_OPTION_VALUE {2}--days cannot be 'soon'/)
})
