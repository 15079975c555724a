import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { watchProject, type Watcher } from './watch.ts'

describe('the watch over a project', () => {
  const root = mkdtempSync(join(tmpdir(), 'tenfold-watch-'))
  const seen: string[] = []
  let watcher: Watcher

  const write = (file: string): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), String(Math.random()))
  }
  const untilSeen = async (path: string): Promise<void> => {
    const deadline = Date.now() + 10_000
    while (!seen.includes(path)) {
      assert.ok(Date.now() < deadline, `${path} was not seen, only ${seen.join(', ')}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    seen.length = 0
  }

  before(() => {
    for (const file of ['app.ts', 'modules/notes/index.ts', 'node_modules/x/index.js', '.tenfold/postgres/log'])
      write(file)
    watcher = watchProject(root, (path) => void seen.push(path))
  })
  after(() => {
    watcher.close()
    rmSync(root, { recursive: true })
  })

  test('sees files that are written, made and removed, at any depth', async () => {
    write('app.ts')
    await untilSeen('app.ts')
    write('modules/notes/migrations/0001_x.sql')
    await untilSeen('modules/notes/migrations')
    rmSync(join(root, 'modules/notes/index.ts'))
    await untilSeen('modules/notes/index.ts')
    write('.env')
    await untilSeen('.env')
  })

  test('looks into folders that are made later, also where one was removed before', async () => {
    for (let round = 0; round < 2; round++) {
      mkdirSync(join(root, 'modules/extra'))
      await untilSeen('modules/extra')
      write('modules/extra/words.ts')
      await untilSeen('modules/extra/words.ts')
      rmSync(join(root, 'modules/extra'), { recursive: true })
      await untilSeen('modules/extra')
    }
  })

  test('leaves out what is made by running things', async () => {
    seen.length = 0
    for (const file of [
      'node_modules/x/index.js',
      '.tenfold/postgres/log',
      'modules/notes/tables.gen.ts',
      'debug.log',
      'app.ts~',
    ])
      write(file)
    write('last.ts')
    const deadline = Date.now() + 10_000
    while (!seen.includes('last.ts') && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual([...new Set(seen)], ['last.ts'])
  })
})
