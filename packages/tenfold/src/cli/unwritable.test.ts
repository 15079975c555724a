import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { TenfoldError } from '../kernel/index.ts'
import { inWords } from './unwritable.ts'

const thrownBy = (write: () => unknown): unknown => {
  try {
    write()
  } catch (error) {
    return inWords(error)
  }
  return assert.fail('nothing was thrown')
}

test('a place that cannot be written is named, with the reason', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-unwritable-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, '.tenfold')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'postgres')]) {
    const error = thrownBy(() => mkdirSync(path, { recursive: true }))
    assert.ok(error instanceof TenfoldError)
    assert.equal(error.code, 'TF_UNWRITABLE')
    assert.match(error.message, /\.tenfold.* cannot be written: a file .* in the way/)
  }
  // Linux has a file system that nobody may write to, whoever they are.
  const readOnly = Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'mkdir', path: '/proc/none' })
  if (process.platform === 'linux' && process.getuid!() !== 0)
    assert.match(String(inWords(readOnly)), /cannot be written/)
})

test('what is only missing stays what it is', () => {
  const error = thrownBy(() => readFileSync('/nowhere/at/all'))
  assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT')
  const other = new Error('no')
  assert.equal(inWords(other), other)
})
