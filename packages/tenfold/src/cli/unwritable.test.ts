import assert from 'node:assert/strict'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TenfoldError } from '../kernel/index.ts'
import { inWords } from './unwritable.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-unwritable-'))
  t.after(() => {
    chmodSync(folder, 0o755)
    rmSync(folder, { recursive: true })
  })
  return folder
}

/** What is said of the error, for a user whom the rights of files bind: root may do everything. */
function said(attempt: () => unknown): { code: string | undefined; message: string } {
  const root = process.geteuid?.() === 0
  if (root) process.seteuid!(65_534)
  try {
    attempt()
  } catch (error) {
    return inWords(error) as { code: string | undefined; message: string }
  } finally {
    if (root) process.seteuid!(0)
  }
  return assert.fail('nothing was thrown')
}

test('a place that cannot be written is named, with the reason', (t) => {
  const folder = folderFor(t)
  chmodSync(folder, 0o755)
  const file = join(folder, '.tenfold')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'postgres')]) {
    const error = said(() => mkdirSync(path, { recursive: true }))
    assert.ok(error instanceof TenfoldError)
    assert.equal(error.code, 'TF_UNWRITABLE')
    assert.match(error.message, /\.tenfold.* cannot be written: a file .* in the way/)
  }
  assert.match(
    said(() => openSync(file, 'wx')).message,
    /\.tenfold cannot be written: a file of that name is in the way/,
  )
  // Linux has a file system that nobody may write to, whoever they are.
  const readOnly = Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'mkdir', path: '/proc/none' })
  if (process.platform === 'linux' && process.getuid!() !== 0)
    assert.match(String(inWords(readOnly)), /cannot be written/)
})

test('a file or folder of somebody else is named: the one that was to be written', (t) => {
  const folder = folderFor(t)
  const file = join(folder, 'types.d.ts')
  writeFileSync(file, '')
  chmodSync(file, 0o444)
  chmodSync(folder, 0o555)
  const refused = /cannot be written: this user may not write there/
  for (const [path, attempt] of [
    [file, () => writeFileSync(file, 'x')],
    [join(folder, 'new.ts'), () => writeFileSync(join(folder, 'new.ts'), 'x')],
    [join(folder, 'new'), () => mkdirSync(join(folder, 'new'))],
    [join(folder, 'copy.ts'), () => copyFileSync(file, join(folder, 'copy.ts'))],
  ] as const) {
    const { code, message } = said(attempt)
    assert.equal(code, 'TF_UNWRITABLE')
    assert.match(message, refused)
    assert.ok(message.startsWith(`${path} `), message)
  }
})

test('what could not be read is not called unwritable', (t) => {
  const folder = folderFor(t)
  const secret = join(folder, 'secret')
  writeFileSync(secret, '')
  chmodSync(secret, 0o000)
  chmodSync(folder, 0o555)
  assert.equal(said(() => readFileSync(secret)).code, 'EACCES')
  assert.equal(said(() => copyFileSync(secret, join(tmpdir(), 'none'))).code, 'EACCES')
  assert.equal(said(() => readFileSync(join(folder, 'tenfold.config.ts'))).code, 'ENOENT')
  assert.equal(said(() => readFileSync(join(secret, 'below'))).code, 'ENOTDIR')
  chmodSync(folder, 0o000)
  assert.equal(said(() => readFileSync(secret)).code, 'EACCES')
  assert.equal(said(() => readdirSync(folder)).code, 'EACCES')
})

test('anything else stays what it is', () => {
  for (const other of [new Error('no'), undefined, null, 'text', 0]) assert.equal(inWords(other), other)
})
