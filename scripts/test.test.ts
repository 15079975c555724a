import assert from 'node:assert/strict'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from './test/step.ts'

const npmTest = (args: string[], env: NodeJS.ProcessEnv = process.env) =>
  run(process.execPath, ['scripts/test.ts', ...args], { env })

test('a program that is missing fails the run in CI, in one clear line', async (t) => {
  const PATH = await mkdtemp(join(tmpdir(), 'tenfold-path-'))
  t.after(() => rm(PATH, { recursive: true }))
  await symlink('/bin/bash', join(PATH, 'bash'))
  const { code, output } = await npmTest(['report-lines'], { PATH, CI: 'true' })
  assert.equal(code, 1)
  assert.match(output, /^missing: chromium — run scripts\/setup$/m)
  assert.match(output, /failed: tests, .* exit code 1/)
})

test('a word that no test file has in its path fails: nothing was tested', async () => {
  const { code, output } = await npmTest(['there-is-no-such-test'])
  assert.equal(code, 1)
  assert.match(output, /no test file has there-is-no-such-test in its path/)
})

test('a part that does not exist is refused, and so is an unknown option', async () => {
  const part = await npmTest(['--only', 'lnt'])
  assert.equal(part.code, 2)
  assert.match(part.output, /--only takes lint, types, tests; not 'lnt'/)
  const option = await npmTest(['--ony', 'lint'])
  assert.equal(option.code, 2)
  assert.match(option.output, /Unknown option '--ony'/)
})

test('an old Node.js is told what it needs', async () => {
  const pretend = `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '20.1.0' })`
  const { code, output } = await run(process.execPath, [
    '--import',
    pretend,
    '--import',
    './scripts/require-node.js',
    'scripts/test.ts',
  ])
  assert.equal(code, 1)
  assert.match(output, /needs Node\.js 24 or newer; this is 20\.1\.0/)
})
