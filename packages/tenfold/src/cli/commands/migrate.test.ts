import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PROJECT, sandbox, type Sandbox } from '../sandbox.fixture.ts'

const FIRST = 'modules/notes/migrations/0001_notes.sql'
const SECOND = 'modules/notes/migrations/0002_add_a_mood.sql'

describe('tenfold migrate and tenfold types', () => {
  let project: Sandbox
  before(async () => void (project = await sandbox({ database: true })))
  after(() => project.remove())

  const own = (text: string): string[] => text.split('\n').filter((line) => /\bnotes\b/.test(line))

  test('before the first migration, commands that need the tables name what is missing', async () => {
    for (const args of [['jobs', 'list'], ['types'], ['start']]) {
      const { code, stderr } = await project.run(args)
      assert.match(stderr, /TF_MIGRATIONS_PENDING .*lacks \d+ migration\(s\): tenfold\.queue\/0001_queue/)
      assert.equal(code, 1)
    }
    const { code, stdout } = await project.run(['migrate', 'status'])
    assert.match(stdout, /^notes +0001_notes +expand +pending$/m)
    assert.equal(code, 1)
  })

  test('up --dry-run changes nothing, up applies, and a second up finds nothing to do', async () => {
    const dry = await project.run(['migrate', 'up', '--dry-run', '--json'])
    const { pending } = JSON.parse(dry.stdout) as { pending: string[] }
    assert.equal(pending.at(-1), 'notes/0001_notes')
    const up = await project.run(['migrate', 'up', '--json'])
    assert.deepEqual(JSON.parse(up.stdout), { applied: pending, roleMode: 'separate' })
    const again = await project.run(['migrate', 'up'])
    assert.deepEqual([again.code, again.stdout], [0, 'nothing to apply\n'])
    const status = await project.run(['migrate', 'status', '--json'])
    assert.equal(status.code, 0)
    assert.ok((JSON.parse(status.stdout) as { state: string }[]).every(({ state }) => state === 'applied'))
  })

  test('new begins a file with the next number, and refuses a module that has none', async () => {
    const { code, stdout } = await project.run(['migrate', 'new', 'notes', 'Add a mood!'])
    assert.deepEqual([code, stdout], [0, `${SECOND}\n`])
    assert.match(project.read(SECOND), /^--! phase: expand\n/)
    const unknown = await project.run(['migrate', 'new', 'nots', 'x'])
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /TF_BAD_OPTION_VALUE {2}<module> cannot be 'nots'; it has to be one of notes/)
  })

  test('a file that fails is named with its line, and nothing of it is kept', async () => {
    project.write({ [SECOND]: '--! phase: expand\nalter table note add column mood text;\nalter tabel note;\n' })
    const { code, stderr } = await project.run(['migrate', 'up'])
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^TF_MIGRATION_FAILED {2}Migration notes\/0002_add_a_mood failed at line 3: syntax error.*\nfix: .*\n$/,
    )
    const dry = await project.run(['migrate', 'up', '--dry-run'])
    assert.deepEqual(own(dry.stdout), ['  notes/0002_add_a_mood'])
    project.write({ [SECOND]: '--! phase: expand\nalter table note add column mood text;\n' })
    const repaired = await project.run(['migrate', 'up'])
    assert.match(repaired.stdout, /applied notes\/0002_add_a_mood \d+ ms\n1 applied/)
  })

  test('types are written, found up to date, and found out of date after a migration', async () => {
    const missing = await project.run(['types', '--check'])
    assert.equal(missing.code, 1)
    assert.match(missing.stdout, /out of date modules\/notes\/tables\.gen\.ts/)
    assert.equal((await project.run(['types'])).stdout, 'written modules/notes/tables.gen.ts\n')
    assert.match(
      project.read('modules/notes/tables.gen.ts'),
      /note: \{\n +id: .*number.*\n +text: string\n +mood: string \| null\n/,
    )
    const same = await project.run(['types', '--check', '--json'])
    assert.deepEqual([same.code, JSON.parse(same.stdout)], [0, { changed: [] }])

    project.write({
      'modules/notes/migrations/0003_weight.sql': '--! phase: expand\nalter table note add column weight int;\n',
    })
    await project.run(['migrate', 'up'])
    const drift = await project.run(['types', '--check', '--json'])
    assert.equal(drift.code, 1)
    assert.equal((JSON.parse(drift.stdout) as { changed: string[] }).changed.length, 1)
    assert.doesNotMatch(project.read('modules/notes/tables.gen.ts'), /weight/)
  })

  test('a file that was changed after it had been applied stops up and start, and status shows it', async () => {
    project.write({ [FIRST]: `${PROJECT[FIRST]!}-- a remark\n` })
    for (const args of [['migrate', 'up'], ['migrate', 'up', '--dry-run'], ['start']]) {
      const { code, stderr } = await project.run(args)
      assert.match(stderr, /TF_MIGRATION_CHANGED {2}Migration notes\/0001_notes/)
      assert.equal(code, 1)
    }
    const { code, stdout } = await project.run(['migrate', 'status'])
    assert.match(stdout, /^notes +0001_notes +expand +changed$/m)
    assert.equal(code, 1)
    project.write({ [FIRST]: PROJECT[FIRST]! })
  })

  test('a file without its phase is refused', async () => {
    project.write({ 'modules/notes/migrations/0004_x.sql': 'select 1;\n' })
    const { code, stderr } = await project.run(['migrate', 'up'])
    assert.match(stderr, /TF_BAD_MIGRATION_FILE .*0004_x\.sql/)
    assert.equal(code, 1)
  })
})
