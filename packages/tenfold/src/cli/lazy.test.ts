/** What answers at once loads next to nothing: counted in files, since a slow machine loads no more of them than a fast one. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

async function filesLoadedBy(...args: string[]): Promise<string[]> {
  const fixture = pathToFileURL(join(import.meta.dirname, 'loaded.fixture.ts')).href
  const bin = join(import.meta.dirname, '../../bin/tenfold.js')
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', fixture, bin, ...args])
  return JSON.parse(stderr) as string[]
}

for (const args of [['--version'], ['help'], ['help', 'jobs'], ['--help']]) {
  test(`tenfold ${args.join(' ')} loads no command`, async () => {
    const files = await filesLoadedBy(...args)
    assert.ok(files.length <= 30, `${files.length} files:\n${files.join('\n')}`)
    assert.deepEqual(
      files.filter((file) => /node_modules\/(?!fastest-levenshtein)/.test(file)),
      [],
    )
  })
}

test('a command loads what it needs, and not what others need', async () => {
  const files = await filesLoadedBy('help', 'reload')
  assert.ok(files.some((file) => file.endsWith('/cli/commands/reload.ts')))
  assert.deepEqual(
    files.filter((file) => /cli\/commands\/(?!index|reload)/.test(file)),
    [],
  )
})
