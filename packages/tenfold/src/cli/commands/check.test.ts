import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PROJECT, sandbox, type Sandbox } from '../sandbox.fixture.ts'

interface Report {
  ok: boolean
  stage?: { number: number }
  problems: string[]
  warnings: string[]
  twoInstances: string[]
}

describe('tenfold check', () => {
  let project: Sandbox
  before(async () => void (project = await sandbox()))
  after(() => project.remove())

  async function check(variables: Record<string, string> = {}): Promise<{ code: number | null; report: Report }> {
    const { code, stdout } = await project.run(['check', '--json'], variables)
    return { code, report: JSON.parse(stdout) as Report }
  }
  async function checkWith(files: Record<string, string>): Promise<string[]> {
    project.write(files)
    const { code, report } = await check()
    project.write(PROJECT)
    assert.equal(code, 1)
    return report.problems
  }

  test('finds nothing in a sound project, and says what two instances would lack', async () => {
    const { code, report } = await check()
    assert.deepEqual([code, report.ok, report.problems, report.stage?.number], [0, true, [], 1])
    assert.deepEqual(
      report.twoInstances.map((line) => line.split(':')[0]),
      ['database', 'files', 'secret key'],
    )
    const { stdout } = await project.run(['check'])
    assert.match(stdout, /stage 1: one machine\n[^]*database +embedded Postgres +each machine [^]*no problems/)
  })

  test('knows what is shared', async () => {
    const DATABASE_URL = 'postgres://shop:secret@db.internal:5432/shop'
    const { report } = await check({ DATABASE_URL, SECRET_KEY: 'x'.repeat(32) })
    const replicas = { DATABASE_URL, DATABASE_REPLICA_URLS: 'postgres://shop:secret@replica.internal/shop' }
    assert.match((await project.run(['check'], replicas)).stdout, /stage 4: [^]*replica-1 +replica\.internal +works/)
    assert.equal(report.stage?.number, 2)
    assert.deepEqual(
      report.twoInstances.map((line) => line.split(':')[0]),
      ['files'],
    )
    assert.doesNotMatch(JSON.stringify(report), /secret@/)
  })

  test('lists everything that production lacks at once', async () => {
    const { code, report } = await check({ NODE_ENV: 'production', PORT: 'eighty', DATABASE_URL: 'mysql://x' })
    assert.equal(code, 1)
    assert.deepEqual(
      report.problems.map((line) => line.split(':')[0]!).toSorted((a, b) => a.localeCompare(b)),
      ['DATABASE_URL', 'PORT', 'SECRET_KEY'],
    )
  })

  const GREETINGS = 'modules/greetings/index.ts'

  test('finds an import past the contract of another module, with file and line', async () => {
    const text = `// import '../notes/index.ts' is not allowed\n${PROJECT[GREETINGS]!}`
    const problems = await checkWith({
      [GREETINGS]: text.replace(
        "import { notes } from '../notes/contract.ts'",
        "import { notes } from '../notes/contract.ts'\nimport {\n  index,\n} from '../notes/index.ts'\nvoid index\n",
      ),
    })
    assert.deepEqual(problems, [
      'modules/greetings/index.ts:7 imports notes/index.ts; of another module only its contract.ts may be imported',
    ])
  })

  test('finds a contract that is used without being named in uses', async () => {
    const problems = await checkWith({ [GREETINGS]: PROJECT[GREETINGS]!.replace('{ uses: { notes } }', '{}') })
    assert.deepEqual(problems, [
      "modules/greetings/index.ts:3 imports the contract of 'notes', which is not in the uses of 'greetings'",
    ])
  })

  test('finds wiring that cannot work', async () => {
    const problems = await checkWith({
      'app.ts': PROJECT['app.ts']!.replace('[notes, greetings]', '[greetings]').replace("'notebook'", "'Note Book'"),
    })
    assert.equal(problems.length, 2)
    assert.match(problems[0]!, /the app's name 'Note Book'/)
    assert.match(problems[1]!, /'greetings' uses 'notes', which is not among the app's modules/)
  })

  test('finds what was made and is not listed, and a schedule that cannot be read', async () => {
    const greetings = PROJECT[GREETINGS]!.replace(
      'export default m.build({ parts: [hello] })',
      `m.route('GET /bye', { auth: 'public', handler: () => {} })
const often = m.cron('often', '*/5 * * *', { run: () => {} })
export default m.build({ parts: [hello, often] })`,
    )
    assert.deepEqual(await checkWith({ [GREETINGS]: greetings }), [
      "route 'GET /bye' is not among the parts of module 'greetings': nothing runs it",
      "The schedule '*/5 * * *' of cron 'greetings.often' cannot be read: it has 4 field(s)",
    ])
  })

  test('finds settings of modules that are missing, beside what production lacks', async () => {
    const needs = '{ uses: { notes }, settings: z.object({ WEATHER_URL: z.url() }) }'
    const files = { [GREETINGS]: PROJECT[GREETINGS]!.replace('{ uses: { notes } }', needs) }
    const problems = await checkWith(files)
    assert.equal(problems.length, 1)
    assert.match(problems[0]!, /^WEATHER_URL \(module greetings\): /)
    project.write(files)
    const { code, stderr } = await project.run(['start'], { NODE_ENV: 'production' })
    project.write(PROJECT)
    assert.equal(code, 1)
    assert.match(stderr, /TF_BAD_CONFIG [^]*SECRET_KEY: [^]*WEATHER_URL \(module greetings\): /)
  })

  test('shows everything when the embedded database cannot be looked at', async () => {
    project.write({ '.tenfold/postgres': 'no folder' })
    const { code, report } = await check()
    rmSync(join(project.folder, '.tenfold'), { recursive: true })
    assert.deepEqual([code, report.problems, report.stage?.number], [0, [], 1])
    assert.equal(report.warnings.length, 1)
    assert.match(report.warnings[0]!, /^migrations could not be looked at: .*\.tenfold/)
  })

  test('names a migration that was changed after it had been applied, beside everything else', async () => {
    const app = project.start(['start', '--only', 'worker', '--json'])
    await app.untilPrinted(/\n/)
    app.child.kill('SIGTERM')
    assert.equal((await app.finished).code, 0)
    const file = 'modules/notes/migrations/0001_notes.sql'
    const problems = await checkWith({
      [file]: `${PROJECT[file]!}-- edited\n`,
      [GREETINGS]: PROJECT[GREETINGS]!.replace('parts: [hello]', 'parts: []'),
    })
    assert.equal(problems.length, 2)
    assert.match(problems[0]!, /'GET \/hello' is not among the parts/)
    assert.match(problems[1]!, /^Migration notes\/0001_notes was changed after it had been applied\. Put the file back/)
  })
})

test('tenfold check does not say of a replica that is away that it works', async () => {
  const project = await sandbox({ database: true })
  const { code, stdout } = await project.run(['check'], { DATABASE_REPLICA_URLS: 'postgres://a:b@127.0.0.1:1/shop' })
  await project.remove()
  assert.equal(code, 1)
  assert.match(stdout, /replica-1 +127\.0\.0\.1:1 +cannot be used\n[^]*problem DATABASE_REPLICA_URLS: number 1 /)
})
