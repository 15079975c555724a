import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { sandbox, type Sandbox } from './sandbox.fixture.ts'

const SECOND = 'modules/notes/migrations/0002_more.sql'

interface Report {
  ok: boolean
  statements: number
  findings: { code: string; file: string; line: number; safe: string; allowed?: string }[]
}

describe('migrations before they are applied', () => {
  let project: Sandbox & { databaseUrl: string }
  before(async () => {
    project = await sandbox({ database: true })
    assert.equal((await project.run(['migrate', 'up'])).code, 0)
  })
  after(() => project.remove())

  const check = async (sql: string): Promise<{ code: number | null; report: Report }> => {
    project.write({ [SECOND]: sql })
    const { code, stdout, stderr } = await project.run(['migrate', 'check', '--json'])
    assert.equal(stderr, '')
    return { code, report: JSON.parse(stdout) as Report }
  }
  const inDatabase = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: project.databaseUrl })
    await client.connect()
    await client.query(sql)
    await client.end()
  }

  test('a dangerous one is refused by check and by up, with its line and the safe way, and nothing is applied', async () => {
    const { code, report } = await check('--! phase: expand\n\ncreate index note_text on note (text);\n')
    assert.equal(code, 1)
    assert.deepEqual(
      report.findings.map(({ code, file, line }) => ({ code, file, line })),
      [{ code: 'index-not-concurrent', file: SECOND, line: 3 }],
    )
    assert.match(report.findings[0]!.safe, /create index concurrently note_text on note/)
    const up = await project.run(['migrate', 'up'])
    assert.equal(up.code, 1)
    assert.match(up.stdout, /refused index-not-concurrent modules\/notes\/migrations\/0002_more\.sql:3/)
    assert.match(up.stderr, /TF_MIGRATIONS_REFUSED {2}Nothing was applied: notes\/0002_more/)
    assert.match((await project.run(['migrate', 'status'])).stdout, /0002_more +expand +pending/)
  })

  test('what a file allows, with its reason, passes', async () => {
    const { code, report } = await check(
      '--! phase: expand\n--! allow: index-not-concurrent few notes\ncreate index note_text on note (text);\n',
    )
    assert.deepEqual([code, report.findings.map(({ allowed }) => allowed)], [0, ['few notes']])
    project.write({ [SECOND]: '--! phase: expand\n--! allow: index-not-concurrent\nselect 1;\n' })
    assert.match((await project.run(['migrate', 'check'])).stderr, /TF_BAD_MIGRATION_FILE .*without a reason/)
  })

  test('a statement that a live release sends counts until its last instance is gone', async () => {
    await inDatabase(`
      insert into tenfold.telemetry_statement values ('1.0.0', 'notes', 'a', 'select "text" from "note" where "id" = $1');
      insert into tenfold.telemetry_process (instance_id, roles, pid, host, started_at, seen_at, good_until, cpu_percent,
        memory_bytes, event_loop_utilization, event_loop_delay_p99, dropped_traces, flush_ms, release)
      values ('old', '{web}', 1, 'a', now() - interval '1 hour', now(), now() + interval '1 hour', 0, 0, 0, 0, 0, 0, '1.0.0'),
             ('new', '{web}', 1, 'b', now(), now(), now() + interval '1 hour', 0, 0, 0, 0, 0, 0, '1.1.0')`)
    const sql = '--! phase: contract\nalter table note drop column text;\n'
    const during = await check(sql)
    assert.deepEqual([during.code, during.report.statements], [1, 1])
    assert.deepEqual(
      during.report.findings.map(({ code }) => code),
      ['replay/in-use'],
    )
    await inDatabase(`delete from tenfold.telemetry_process where instance_id = 'old'`)
    const afterwards = await check(sql)
    assert.deepEqual([afterwards.code, afterwards.report.findings], [0, []])
  })

  test('--unsafe applies without judging, and says so; a backfill shows how far it is', async () => {
    project.write({ [SECOND]: '--! phase: expand\ncreate index note_text on note (text);\n' })
    const { code, stdout } = await project.run(['migrate', 'up', '--unsafe', 'nobody is here'])
    assert.match(stdout, /not judged: nobody is here\napplied notes\/0002_more/)
    assert.equal(code, 0)
    await inDatabase(`insert into notes.note (text) values ('a'), ('b')`)
    project.write({
      'modules/notes/migrations/0003_shout.sql':
        '--! phase: backfill\n--! table: note\nupdate note set text = upper(text) where text <> upper(text) and :batch;\n',
    })
    const filled = await project.run(['migrate', 'up'])
    assert.match(filled.stdout, /notes\/0003_shout: 2 rows changed.*\napplied notes\/0003_shout/)
  })

  test('an index that was left half-built is built anew', async () => {
    await inDatabase(`insert into notes.note (text) values ('A')`)
    const file = 'modules/notes/migrations/0004_unique.sql'
    project.write({
      [file]: '--! phase: expand\n--! transaction: none\ncreate unique index concurrently note_once on note (text);\n',
    })
    const failed = await project.run(['migrate', 'up'])
    assert.match(failed.stderr, /TF_MIGRATION_FAILED .*could not create unique index/)
    await inDatabase(`delete from notes.note where id = 3`)
    const again = await project.run(['migrate', 'up'])
    assert.deepEqual([again.code, again.stderr], [0, ''])
    await inDatabase(
      `do $$ begin assert (select indisvalid from pg_index where indexrelid = 'notes.note_once'::regclass); end $$`,
    )
  })
})

describe('migrations that a start applies', () => {
  let project: Sandbox
  before(async () => {
    project = await sandbox()
    assert.equal((await project.run(['migrate', 'up'])).code, 0)
    project.write({ [SECOND]: '--! phase: expand\ncreate index note_text on note (text);\n' })
  })
  after(() => project.remove())

  test('are foretold by check, refused in production, and shown in development', async () => {
    const { code, stdout } = await project.run(['check'])
    assert.match(stdout, /^warning migration notes\/0002_more: index-not-concurrent \(modules\/notes\/.*\.sql:2\)/m)
    assert.equal(code, 0)

    const production = { NODE_ENV: 'production', SECRET_KEY: 'a key that the database has not seen before' }
    const refused = await project.run(['start'], production)
    assert.match(refused.stderr, /^refused index-not-concurrent[^]*concurrently[^]*^TF_MIGRATIONS_REFUSED /m)
    assert.equal(refused.code, 1)
    assert.match((await project.run(['migrate', 'status'])).stdout, /0002_more +expand +pending/)

    const app = project.start(['start', '--json'])
    await app.untilPrinted(/^\{"ready":true/m)
    assert.match(
      app.printed(),
      /^refused index-not-concurrent[^]*^In development it is applied all the same: notes\/0002_more/m,
    )
    app.child.kill('SIGTERM')
    await app.finished
    assert.match((await project.run(['migrate', 'status'])).stdout, /0002_more +expand +applied/)
  })
})
