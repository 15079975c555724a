import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { accountFor } from './account.ts'
import { findBinaries, nativeFolder } from './binaries.ts'

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can become another user' }
const NOBODY = 65534

describe('the Postgres programs from npm', () => {
  test('links that no postinstall script has made are made', (t) => {
    const native = bareCopy(t, 0o755)
    assert.match(findBinaries(undefined, native).version, /^18\./)
    assert.ok(readdirSync(join(native, 'lib')).includes('libicuuc.so.60'))
  })

  test(
    'E5: root lends the server an account that exists, and programs that it cannot reach are copied to where it can',
    asRoot,
    (t) => {
      const native = bareCopy(t, 0o700)
      const account = accountFor(native)
      assert.ok(account && account.uid !== 0)
      const { postgres, version } = findBinaries(account, native)
      assert.match(version, /^18\./)
      assert.ok(!postgres.startsWith(native))
      t.after(() => rmSync(dirname(dirname(postgres)), { recursive: true, force: true }))
      const { uid, mode } = statSync(postgres)
      assert.deepEqual({ uid, writableByOthers: (mode & 0o022) !== 0 }, { uid: 0, writableByOthers: false })
    },
  )

  test('E5: a plain user starts it out of a node_modules that is read-only and has no links', asRoot, async (t) => {
    const native = bareCopy(t, 0o755)
    const program = `
      import { findBinaries } from ${JSON.stringify(new URL('./binaries.ts', import.meta.url).href)}
      const found = findBinaries(undefined, ${JSON.stringify(native)})
      console.log(found.version, found.env.LD_LIBRARY_PATH !== undefined)`
    const args = ['--input-type=module-typescript', '-e', program]
    const run = spawnSync(process.execPath, args, { uid: NOBODY, gid: NOBODY, encoding: 'utf8', cwd: '/', env: {} })
    assert.match(run.stdout, /^18\.\d+ true\n$/, run.stderr)
    assert.ok(!readdirSync(join(native, 'lib')).includes('libicuuc.so.60'))
    t.after(() => rmSync(join(tmpdir(), `tenfold-${NOBODY}`), { recursive: true, force: true }))
  })

  test('E5: a plain user has a server in a folder of its own, and is refused another one', asRoot, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tenfold-plain-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    chownSync(folder, NOBODY, NOBODY)
    const own = await startAsNobody(folder)
    assert.equal(own.startedFresh, true)
    assert.equal(statSync(join(folder, 'data')).uid, NOBODY)
    chownSync(folder, 0, 0)
    chmodSync(folder, 0o755)
    assert.equal((await startAsNobody(folder)).code, 'TF_EMBEDDED_FOLDER_DENIED')
  })
})

/** The package as npm unpacks it, without links, below a folder with these rights. */
function bareCopy(t: TestContext, mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-package-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const packed = dirname(nativeFolder())
  mkdirSync(join(folder, 'linux-x64'))
  cpSync(packed, join(folder, 'linux-x64'), { recursive: true, filter: (path) => extname(path) !== '.a' })
  const lib = join(folder, 'linux-x64/native/lib')
  for (const entry of readdirSync(lib, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) rmSync(join(lib, basename(entry.name)))
  }
  chmodSync(folder, mode)
  return join(folder, 'linux-x64/native')
}

async function startAsNobody(dataDir: string): Promise<{ startedFresh?: boolean; code?: string }> {
  const fixture = fileURLToPath(new URL('./hold.fixture.ts', import.meta.url))
  const child = spawn(process.execPath, [fixture, dataDir], {
    uid: NOBODY,
    gid: NOBODY,
    cwd: '/',
    env: {},
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  child.stdin.end()
  await exited
  return JSON.parse(line.toString()) as { startedFresh?: boolean; code?: string }
}
