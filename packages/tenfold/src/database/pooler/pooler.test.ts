import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createTelemetry } from '../../telemetry/index.ts'
import { accountFor } from '../embedded/account.ts'
import { openDatabase } from '../index.ts'
import { pgbouncerProgram, startPooler, testDatabase, testServer } from '../testing/index.ts'
import { adviseOnPooler, detectPooler, poolerSettings, poolSizes } from './index.ts'

const program = pgbouncerProgram()
const skip = program ? false : 'pgbouncer is not installed: run scripts/setup'

test('a server without a pooler is recognised as such', async () => {
  assert.deepEqual(await detectPooler((await testServer()).adminUrl), { mode: undefined })
})

test('the mode of a pooler is recognised, by whoever asks', { skip }, async () => {
  const database = await testDatabase({ migrations: [{ module: 'm', schema: 'm', directory: '/nowhere' }] })
  for (const mode of ['session', 'transaction', 'statement'] as const) {
    const pooler = await startPooler(await testServer(), { mode })
    const url = new URL(pooler.urlOf(database.url))
    assert.deepEqual(await detectPooler(url.href), { mode, version: pooler.version }, 'an administrator')
    await database.system.query(`select 1`)
    url.username = 'somebody'
    url.password = 'a-password'
    await ask(database.url, `drop role if exists somebody; create role somebody login password 'a-password'`)
    assert.deepEqual(await detectPooler(url.href), { mode }, 'somebody else')
    await ask(database.url, 'drop role somebody')
    await pooler.close()
  }
  await database.close()
})

test('an address without a server is one clear error', async () => {
  await assert.rejects(detectPooler('postgres://a:b@127.0.0.1:1/c'), { code: 'TF_DATABASE_UNREACHABLE' })
})

test('each mode is told what it breaks', () => {
  assert.deepEqual(adviseOnPooler({ mode: undefined }, false), { problems: [], warnings: [] })
  assert.deepEqual(adviseOnPooler({ mode: 'transaction', version: '1.18.0' }, true), { problems: [], warnings: [] })
  assert.match(adviseOnPooler({ mode: 'transaction' }, false).problems[0]!, /DATABASE_DIRECT_URL/)
  assert.match(adviseOnPooler({ mode: 'statement' }, true).problems[0]!, /refuses transactions/)
  assert.equal(adviseOnPooler({ mode: 'session' }, true).warnings.length, 1)
})

test('pools share out what the server has, by weight, and never more', () => {
  assert.deepEqual(poolSizes(['tenfold', 'a', 'b'], 43, {}), { tenfold: 21, a: 11, b: 11 })
  assert.deepEqual(poolSizes(['tenfold', 'a', 'b'], 43, { a: 7, tenfold: 1 }), { tenfold: 5, a: 32, b: 5 })
  assert.throws(() => poolSizes(['tenfold', 'a'], 1, {}), RangeError)
  for (let total = 3; total < 200; total++) {
    const sizes = Object.values(poolSizes(['tenfold', 'a', 'b'], total, { b: 5 }))
    assert.ok(sizes.reduce((a, b) => a + b) <= total && Math.min(...sizes) >= 1)
  }
})

test('a real pgbouncer runs on the settings, lets every role in, and keeps to the sizes', { skip }, async (t) => {
  const database = await testDatabase({ migrations: [{ module: 'shop', schema: 'shop', directory: '/nowhere' }] })
  const server = new URL(database.url)
  const port = await freePort()
  const { ini, userlist, pools } = poolerSettings({
    app: database.app,
    modules: ['shop'],
    secretKey: database.secretKey,
    server: { host: server.hostname, port: Number(server.port), database: server.pathname.slice(1) },
    listen: { address: '127.0.0.1', port },
    maxConnections: 20,
    processes: 1,
  })
  assert.deepEqual(pools, { test_tenfold: 5, test_shop: 3 })
  await runPgBouncer(t, { 'pgbouncer.ini': ini, 'userlist.txt': userlist })
  const through = new URL(database.url)
  through.host = `127.0.0.1:${port}`
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const { app, secretKey, roleMode } = database
  const pooled = openDatabase({ url: through.href, app, secretKey, roleMode, telemetry, maxConnections: 30 })
  await until(() => pooled.ping())
  const shop = pooled.module('shop')
  const asked = Array.from(
    { length: 25 },
    () => shop.sql<{ pid: number }>`select pg_backend_pid() as pid, pg_sleep(0.02)`,
  )
  const sessions = new Set((await Promise.all(asked)).map(({ rows }) => rows[0]!.pid))
  assert.ok(sessions.size <= 3, `${sessions.size} server connections for a pool of 3`)
  await pooled.service.stop()
  await database.close()
})

async function runPgBouncer(t: TestContext, files: Record<string, string>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-pgbouncer-'))
  const account = accountFor(folder)
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    if (account) chownSync(join(folder, name), account.uid, account.gid)
  }
  chmodSync(folder, 0o755)
  const as = account ? { uid: account.uid, gid: account.gid } : {}
  const child = spawn(program!, ['-q', 'pgbouncer.ini'], { ...as, cwd: folder, stdio: 'ignore' })
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
}

async function ask(url: string, sql: string): Promise<void> {
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const database = openDatabase({ url, app: 'test', secretKey: 'x', roleMode: 'shared', telemetry })
  await database.system.query(sql)
  await database.service.stop()
}

async function until(works: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const error = await works().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (!error) return
    if (Date.now() > deadline) throw error as Error
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
