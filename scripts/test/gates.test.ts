/** The gates of `npm test`, each seen refusing a fault that was planted for it. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { findTests, splitByNeed } from './files.ts'
import { repository, run, runStep } from './step.ts'

async function plant(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-gates-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

async function lint(t: TestContext, sources: Record<string, string>): Promise<string> {
  const tsconfig = JSON.stringify({ extends: join(repository, 'tsconfig.json'), include: ['src'] })
  const files = Object.fromEntries(Object.entries(sources).map(([path, text]) => [`src/${path}`, text]))
  const folder = await plant(t, { ...files, 'tsconfig.json': tsconfig })
  await mkdir(join(folder, 'node_modules'))
  await symlink(join(repository, 'node_modules/@types'), join(folder, 'node_modules/@types'))
  const { code, output } = await run('oxlint', ['-c', join(repository, '.oxlintrc.json'), join(folder, 'src')])
  assert.match(output, /on [12] files?/)
  return `${code}\n${output}`
}

test('lint accepts what is right', async (t) => {
  assert.match(
    await lint(t, {
      'a.ts': `export const one = 1\n`,
      'b.ts': `import { one } from './a.ts'\nexport const two = one + 1\n`,
    }),
    /^0\n/,
  )
})

test('lint refuses a promise that nobody waits for', async (t) => {
  const files = {
    'a.ts': `export async function save(): Promise<void> {}\nexport function place(): void {\n  save()\n}\n`,
  }
  assert.match(await lint(t, files), /^1\n[^]*no-floating-promises/)
})

test('lint accepts tests that the test runner waits for', async (t) => {
  assert.match(await lint(t, { 'a.ts': `import { test } from 'node:test'\ntest('a', () => {})\n` }), /^0\n/)
})

test('lint refuses a cycle of imports', async (t) => {
  const files = {
    'a.ts': `import { b } from './b.ts'\nexport const a = () => b()\n`,
    'b.ts': `import { a } from './a.ts'\nexport const b = (): number => a()\n`,
  }
  assert.match(await lint(t, files), /^1\n[^]*no-cycle/)
})

test('lint refuses any', async (t) => {
  assert.match(await lint(t, { 'a.ts': `export const a = (x: any): number => Number(x)\n` }), /^1\n[^]*no-explicit-any/)
})

test('the type check refuses what Node.js cannot run', async (t) => {
  const tsconfig = JSON.stringify({
    extends: join(repository, 'tsconfig.json'),
    include: ['.'],
    compilerOptions: { types: [] },
  })
  const folder = await plant(t, { 'a.ts': `export enum A {\n  B,\n}\n`, 'tsconfig.json': tsconfig })
  const { ok, output } = await runStep('types', 'tsc', ['-p', folder])
  assert.equal(ok, false)
  assert.match(output, /TS1294/)
})

test('a tool that is not there is a failure', async () => {
  const step = await runStep('lint', 'a-tool-that-does-not-exist', [])
  assert.equal(step.ok, false)
  assert.match(step.output, /a-tool-that-does-not-exist/)
})

test('test files are found by a word of their path, and never in what is installed or built', async (t) => {
  const folder = await plant(t, {
    'packages/a/src/queue/a.test.ts': '',
    'packages/a/src/cron/b.test.ts': '',
    'packages/a/src/cron/b.ts': '',
    'packages/a/dist/c.test.ts': '',
    'packages/a/node_modules/x/d.test.ts': '',
    'bench/.peers/http/e.test.ts': '',
    'tests/f.test.ts': '',
  })
  assert.deepEqual(findTests([], folder), [
    'packages/a/src/cron/b.test.ts',
    'packages/a/src/queue/a.test.ts',
    'tests/f.test.ts',
  ])
  assert.deepEqual(findTests(['queue', 'tests/'], folder), ['packages/a/src/queue/a.test.ts', 'tests/f.test.ts'])
})

test('tests that need a missing program are left out by name, the others run', async (t) => {
  const folder = await plant(t, {
    'a.test.ts': `import { chromium } from 'playwright-core'`,
    'b.test.ts': `import { openBrowser } from '../console/browser.ts'`,
    'c.test.ts': `test('chromium is only a word here')`,
  })
  const files = ['a.test.ts', 'b.test.ts', 'c.test.ts']
  assert.deepEqual(splitByNeed(files, ['chromium'], folder), {
    run: ['c.test.ts'],
    leftOut: ['a.test.ts', 'b.test.ts'],
  })
  assert.deepEqual(splitByNeed(files, [], folder), { run: files, leftOut: [] })
})
