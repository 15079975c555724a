import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { sandbox, type Sandbox } from './sandbox.fixture.ts'

/** Calls notes once in a request, and once more inside of a transaction. */
const GREETINGS = `import { defineModule, tables } from 'tenfold'
import { z } from 'zod'
import { notes } from '../notes/contract.ts'

const m = defineModule('greetings', { uses: { notes }, tables: tables<{ greeting: { text: string } }>() })
const hello = m.route('GET /hello', {
  auth: 'public',
  reply: z.object({ notes: z.number() }),
  async handler({ call, db }) {
    const { count } = await call.notes.count({})
    await db.transaction(async (tx) => {
      await tx.insertInto('greeting').values({ text: 'hello' }).execute()
      await call.notes.count({})
    })
    return { notes: count }
  },
})
export default m.build({ parts: [hello], migrations: new URL('./migrations/', import.meta.url) })
`
const TABLE = `--! phase: expand\ncreate table greeting (text text not null);\n`

interface Report {
  can: boolean
  blocks: string[]
  changes: string[]
  routes: string[]
  jobs: string[]
  methods: { name: string; callers: string[]; idempotent: boolean }[]
  recorded: {
    methods: { method: string; caller: string; calls: number; inTransaction: number; meanBytes: number }[]
    roots: { name: string; callsPerRun: number; bytesPerRun: number }[]
  }
}

let project: Sandbox & { databaseUrl: string }
before(async () => {
  project = await sandbox({
    database: true,
    files: { 'modules/greetings/index.ts': GREETINGS, 'modules/greetings/migrations/0001_greeting.sql': TABLE },
  })
})
after(() => project.remove())

test('whether a module can be split out, and at what cost, is known from what was recorded', async () => {
  const app = project.start(['start', '--migrate', '--only', 'web', '--json'])
  const [, url] = await app.untilPrinted(/"url":"([^"]+)"/)
  for (let i = 0; i < 3; i++) assert.equal((await fetch(`${url}/hello`)).status, 200)
  app.child.kill('SIGTERM')
  await app.finished
  const client = new pg.Client({ connectionString: project.databaseUrl })
  await client.connect()
  await client.query(
    'grant usage on schema notes to notebook_greetings; grant select on notes.note to notebook_greetings',
  )

  const STORAGE_URL = 'file:///srv/files'
  const { code, stdout } = await project.run(['check', '--split', 'notes', '--json'], { STORAGE_URL })
  await client.query('revoke select on notes.note from notebook_greetings')
  await client.end()
  const report = JSON.parse(stdout) as Report
  assert.deepEqual([code, report.can, report.blocks], [0, true, []])
  assert.deepEqual(report.routes, ['GET /notes', 'POST /notes'])
  assert.deepEqual(report.jobs, ['notes.index'])
  assert.deepEqual(report.methods, [{ name: 'notes.count', callers: ['greetings'], idempotent: false, batch: false }])
  const [method] = report.recorded.methods
  assert.deepEqual(
    [method?.method, method?.caller, method?.calls, method?.inTransaction],
    ['notes.count', 'greetings', 6, 3],
  )
  assert.ok(method!.meanBytes >= '{}{"count":0}'.length)
  assert.deepEqual(
    report.recorded.roots.map(({ name, callsPerRun }) => [name, callsPerRun]),
    [['GET /hello', 2]],
  )
  const changes = report.changes.join('\n')
  assert.match(changes, /notes\.count: not declared idempotent/)
  assert.match(changes, /notes\.count: greetings calls it inside of a transaction \(3 of 6 times\)/)
  assert.match(changes, /notes\.note: this table is read by greetings/)

  const shown = await project.run(['check', '--split', 'notes'])
  assert.equal(shown.code, 1)
  assert.match(
    shown.stdout,
    /blocks {2}STORAGE_URL: [^]*REMOTE_NOTES_URL=[^]*notes\.count +greetings +6 [^]*GET \/hello +2\.0[^]*not yet/,
  )
})

test('a module that is not there is refused with those that are', async () => {
  const { code, stderr } = await project.run(['check', '--split', 'billing'])
  assert.equal(code, 2)
  assert.match(stderr, /TF_BAD_OPTION_VALUE[^]*notes, greetings/)
})
