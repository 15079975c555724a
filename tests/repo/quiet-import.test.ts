/** Importing a door of the framework defines things and does nothing else: no handle, no timer, no look at the environment.
 *  Several apps live in one process, and a bundler may drop what is not used; both rely on this. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Loudness } from './quiet-import.fixture.ts'
import { repository } from './tree.ts'

async function importAll(root: string, files: readonly string[]): Promise<Loudness> {
  const program = join(import.meta.dirname, 'quiet-import.fixture.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [program, root, ...files], { cwd: repository })
  return JSON.parse(stdout) as Loudness
}

test('no door does anything when it is imported', async () => {
  const doors = globSync('packages/tenfold/src/{*/,}index.ts', { cwd: repository })
  assert.ok(doors.length >= 8, `found ${doors.length} doors only`)
  const loudness = await importAll(
    repository,
    doors.map((door) => join(repository, door)),
  )
  assert.deepEqual(loudness, { environment: [], handles: [] })
})

test('a module that reads the environment and starts a timer is noticed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-loud-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'loud.ts')
  await writeFile(
    file,
    `export const port: number = Number(process.env.PORT)\nexport const timer = setInterval(() => {}, 1000)\n`,
  )
  assert.deepEqual(await importAll(`${folder}/`, [file]), { environment: ['loud.ts read PORT'], handles: ['Timeout'] })
})
