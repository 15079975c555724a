import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runFiles } from './run-files.ts'

const GOOD = `import { test } from 'node:test'\ntest('is good', () => {})\n`
const BAD = `import { test } from 'node:test'\ntest('is bad', () => { throw new Error('as planted') })\n`
const DEAD = `throw new Error('as planted')\n`
const ONCE = `import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
const mark = new URL('./was-here', import.meta.url)
test('fails once', () => {
  if (existsSync(mark)) return
  writeFileSync(mark, '')
  throw new Error('the first time')
})
`

async function run(t: TestContext, sources: string[]): Promise<{ ok: boolean; unsteady: string[]; report: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-run-files-'))
  t.after(() => rm(folder, { recursive: true }))
  const files = sources.map((_, i) => join(folder, `${i}.test.mjs`))
  await Promise.all(files.map((file, i) => writeFile(file, sources[i]!)))
  // A test process that finds this variable reports to its parent in a form of its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  let report = ''
  const result = await runFiles(files, env, (text) => (report += text))
  return { ...result, report }
}

test('files that pass run once', async (t) => {
  const { ok, unsteady, report } = await run(t, [GOOD])
  assert.deepEqual([ok, unsteady], [true, []])
  assert.match(report, /^# pass 1$/m)
  assert.doesNotMatch(report, /once more/)
})

test('what fails twice has failed', async (t) => {
  for (const source of [BAD, DEAD]) {
    const { ok, unsteady, report } = await run(t, [GOOD, source])
    assert.deepEqual([ok, unsteady], [false, []])
    assert.match(report, /^# fail 1$/m)
  }
})

test('a suite that several files share fails in the file that ran it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-run-files-'))
  t.after(() => rm(folder, { recursive: true }))
  const suite = join(folder, 'suite.mjs')
  await writeFile(
    suite,
    `import { test } from 'node:test'\nexport const suite = () => test('is bad', () => { throw new Error('as planted') })\n`,
  )
  const { ok, unsteady, report } = await run(t, [GOOD, `import { suite } from '${suite}'\nsuite()\n`])
  assert.deepEqual([ok, unsteady], [false, []])
  assert.match(report, /once more, alone: .*1\.test\.mjs/)
})

test('what passes the second time is named, and its failure stays in the report', async (t) => {
  const { ok, unsteady, report } = await run(t, [GOOD, ONCE])
  assert.equal(ok, true)
  assert.match(unsteady.join(), /^[^,]*1\.test\.mjs$/)
  assert.match(report, /the first time/)
  assert.match(report, /^# fail 0$/m)
})

test('many failures are no bad luck: nothing runs again', async (t) => {
  const { ok, report } = await run(t, [BAD, BAD, BAD, BAD])
  assert.equal(ok, false)
  assert.match(report, /^# fail 4$/m)
  assert.doesNotMatch(report, /once more/)
})
