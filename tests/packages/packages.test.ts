/** The packages as users get them: packed, in folders outside of the repository, without their sources. The project in which
 *  tenfold is tried is one that create-tenfold has made. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  BUDGET,
  buildCreate,
  buildTenfold,
  filesLoaded,
  lockFor,
  overBudget,
  pack,
  type Packed,
  type ProjectManifest,
} from '../../scripts/packages/index.ts'
import { plainDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { run as runHere } from '../../scripts/test/step.ts'

describe('the packages', () => {
  let folder: string
  let user: string
  let packed: Packed
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-packages-'))
    user = join(folder, 'my-app')
    await Promise.all([buildTenfold(join(folder, 'built')), buildCreate(join(folder, 'create'))])
    const [tenfold, create] = await Promise.all([
      pack(join(folder, 'built'), folder),
      pack(join(folder, 'create'), folder),
    ])
    packed = tenfold
    await writeFile(join(folder, 'package.json'), '{ "private": true }')
    await succeed('npm', ['install', '--offline', '--no-audit', '--no-fund', create.file])
    await succeed(join(folder, 'node_modules/.bin/create-tenfold'), [
      ...['my-app', '--starter', 'api', '--no-install', '--no-git', '--tenfold', tenfold.file],
    ])
    const manifest = JSON.parse(await readFile(join(user, 'package.json'), 'utf8')) as ProjectManifest
    await writeFile(join(user, 'package-lock.json'), JSON.stringify(await lockFor(manifest)))
    await succeed('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], user)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const run = (command: string, args: readonly string[], cwd = folder): Promise<{ code: number; output: string }> =>
    new Promise((resolve) => {
      // The test runner leaves tests alone that are run by a test, unless it does not know.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      execFile(command, args, { cwd, env }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
      )
    })
  const succeed = async (...call: Parameters<typeof run>): Promise<string> => {
    const { code, output } = await run(...call)
    assert.equal(code, 0, output)
    return output
  }

  test('have no sources, no tests and nothing of this repository', async () => {
    assert.deepEqual(
      packed.files.filter((file) => /(?<!\.d)\.ts$|\.(test|fixture)\.|built-from|tsconfig/.test(file)),
      [],
    )
    const manifest = await readFile(join(folder, 'built/package.json'), 'utf8')
    assert.doesNotMatch(manifest, /"private"|"scripts"|"devDependencies"|src\//)
  })

  test('have what the code reads beside itself', () => {
    const wanted = ['lib/queue/postgres/migrations/0001_queue.sql', 'lib/http/client/runtime.js']
    wanted.push(
      'lib/http/reference/assets/page.html',
      'assets/console/index.html',
      'bin/tenfold.js',
      'LICENSE',
      'THIRD_PARTY.md',
    )
    assert.deepEqual(
      wanted.filter((file) => !packed.files.includes(file)),
      [],
    )
  })

  test('stay within their budget', () => {
    assert.deepEqual(overBudget(packed), [])
    assert.equal(overBudget({ ...packed, unpackedSize: BUDGET.unpackedSize + 1 }).length, 1)
  })

  test('start with few files: a command that needs nothing, and an app', async () => {
    const command = await filesLoaded(['node_modules/tenfold/bin/tenfold.js', '--version'], user)
    assert.ok(command > 5 && command <= BUDGET.loadedByCommand, `${command} files for tenfold --version`)
    const door = await filesLoaded(['--input-type=module', '-e', "await import('tenfold')"], user)
    assert.ok(door > command && door <= BUDGET.loadedByImport, `${door} files for import 'tenfold'`)
  })

  test('install what every app needs and no optional peer that nobody asked for', async () => {
    const installed = await readdir(join(user, 'node_modules'))
    assert.deepEqual(
      ['bullmq', 'ioredis', 'smtp-server'].filter((name) => installed.includes(name)),
      [],
    )
    await succeed('npm', ['ls', '--all'], user)
  })

  test('make a project with what npm would rather leave out', async () => {
    const names = await readdir(user)
    const wanted = ['.gitignore', '.github', '.dockerignore', '.oxlintrc.json', 'AGENTS.md', 'Dockerfile']
    assert.deepEqual(
      wanted.filter((name) => !names.includes(name)),
      [],
    )
    // The same as `tenfold deploy` would write: it finds nothing to do.
    const output = await succeed('node_modules/.bin/tenfold', ['deploy', '1', '--for', 'compose', '--dry-run'], user)
    assert.match(output, /^same {2}\.\.\/Dockerfile/m)
  })

  test('run the command line', async () => {
    const tenfold = (...args: string[]): Promise<{ output: string }> => run('node_modules/.bin/tenfold', args, user)
    assert.match((await tenfold('--version')).output, /^\d+\.\d+\.\d+\n$/)
    assert.match((await tenfold('check', '--json')).output, /"problems": \[\]/)
    assert.match((await tenfold('strat')).output, /TF_UNKNOWN_COMMAND.*'start'/)
  })

  test('make a project that passes its own lint and its tests on a real database', async () => {
    assert.match(await succeed('npm', ['run', 'lint'], user), /Found 0 warnings and 0 errors/)
    assert.match(await succeed('npm', ['test'], user), /pass 3\n/)
  })

  test('open each part alone, in an app that has nothing else of tenfold', async () => {
    await cp(new URL('parts.fixture.ts', import.meta.url), join(user, 'parts.ts'))
    const database = await plainDatabase()
    try {
      const output = await succeed('env', [`DATABASE_URL=${database.url}`, 'node', 'parts.ts'], user)
      assert.match(output, /^ran for ada on postgres$/m)
    } finally {
      await database.close()
    }
  })

  test('have types that hold when declarations are checked, too', async () => {
    const tsconfig = { extends: './tsconfig.json', compilerOptions: { skipLibCheck: false } }
    await writeFile(join(user, 'tsconfig.strict.json'), JSON.stringify(tsconfig))
    const { output } = await runHere('tsc', ['-p', join(user, 'tsconfig.strict.json')])
    const faults = output.split('\n').filter((line) => /error TS/.test(line))
    // What the types of others say of each other is not our fault.
    assert.deepEqual(
      faults.filter((line) => !/node_modules\/(?!tenfold\/)/.test(line)),
      [],
    )
  })

  test('have types that resolve under node16, nodenext and bundler', async () => {
    const { code, output } = await runHere('attw', [packed.file, '--profile', 'esm-only', '--no-color', '--no-emoji'])
    assert.equal(code, 0, output)
  })

  test('have a manifest that publint accepts', async () => {
    const { code, output } = await runHere('publint', [join(folder, 'built'), '--strict'])
    assert.equal(code, 0, output)
  })
})
