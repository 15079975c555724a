import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startEmbedded, type EmbeddedOptions, type EmbeddedPostgres } from './embedded.ts'
import { EmbeddedOtherVersion } from './errors.ts'
import { findRunning } from './server.ts'
import { openHome } from './home.ts'
import { isAlive } from './process.ts'
import { temporaryFolder } from '../testing/folder.ts'
import { copyNewCluster } from './template.ts'

describe('embedded Postgres', { concurrency: 2 }, () => {
  test('the first start makes a database, the next ones find its data again', async (t) => {
    const dataDir = emptyFolder(t)
    const first = await startEmbedded({ dataDir, database: 'shop' })
    await query(first.adminUrl, `create table note as select 'kept' as text`)
    await first.stop()
    assert.equal(isAlive({ pid: first.pid, began: '' }), false)
    const second = await start(dataDir)
    assert.deepEqual(await query(second.adminUrl, 'select text from note'), [{ text: 'kept' }])
    assert.match(second.version, /^18\.\d+$/)
    assert.equal(second.port, first.port)
  })

  test('E1: it listens on the loopback address alone and refuses whoever does not know the password', async (t) => {
    const dataDir = await madeFolder(t)
    const server = await start(dataDir)
    const [{ addresses, sockets }] = (await query(
      server.adminUrl,
      `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets`,
    )) as [{ addresses: string; sockets: string }]
    assert.deepEqual({ addresses, sockets }, { addresses: '127.0.0.1', sockets: '' })
    const wrong = new URL(server.adminUrl)
    wrong.password = 'guessed'
    await assert.rejects(query(wrong.href, 'select 1'), { code: '28P01' })
    assert.equal(statSync(join(dataDir, 'password')).mode & 0o777, 0o600)
    const rules = await query(server.adminUrl, 'select distinct auth_method from pg_hba_file_rules')
    assert.deepEqual(rules, [{ auth_method: 'scram-sha-256' }])
  })

  test('the cluster sorts the same on every machine and checks its pages', async (t) => {
    const server = await start(emptyFolder(t))
    const [row] = await query(
      server.adminUrl,
      `select datlocprovider, datlocale, pg_encoding_to_char(encoding) as encoding, current_setting('data_checksums') as checksums
         from pg_database where datname = current_database()`,
    )
    assert.deepEqual(row, { datlocprovider: 'b', datlocale: 'C.UTF-8', encoding: 'UTF8', checksums: 'on' })
    await query(server.adminUrl, 'create extension pg_stat_statements')
    assert.equal((await query(server.adminUrl, 'select 1 from pg_stat_statements limit 1')).length, 1)
  })

  test('E2: a second process joins the running server, and the last one to leave stops it', async (t) => {
    const dataDir = await madeFolder(t)
    const owner = await hold(dataDir)
    const guest = await start(dataDir)
    assert.equal(guest.startedFresh, false)
    assert.equal(guest.pid, owner.pid)
    owner.child.stdin!.end()
    await once(owner.child, 'exit')
    assert.equal((await query(guest.adminUrl, 'select 1 as one')).length, 1)
    await guest.stop()
    assert.equal(isAlive({ pid: guest.pid, began: '' }), false)
  })

  test('E2: a guest that leaves does not take the server away', async (t) => {
    const dataDir = await madeFolder(t)
    const owner = await start(dataDir)
    const guest = await hold(dataDir)
    guest.child.stdin!.end()
    await once(guest.child, 'exit')
    assert.equal(guest.startedFresh, false)
    assert.equal((await query(owner.adminUrl, 'select 1 as one')).length, 1)
  })

  test('E2: of three that start at once in an empty folder, one makes the database and two join', async (t) => {
    const dataDir = emptyFolder(t)
    const all = await Promise.all([hold(dataDir), hold(dataDir), start(dataDir)])
    assert.equal(new Set(all.map((one) => one.pid)).size, 1)
    assert.equal(all.filter((one) => one.startedFresh).length, 1)
  })

  test('E3: after kill -9 of the app its server is joined, and stopped in the end', async (t) => {
    const dataDir = await madeFolder(t)
    const killed = await hold(dataDir)
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')
    const next = await start(dataDir)
    assert.equal(next.pid, killed.pid)
    assert.equal(next.startedFresh, false)
    await next.stop()
    assert.equal(isAlive({ pid: next.pid, began: '' }), false)
  })

  test('E3: an orphan that nobody uses is started anew when other settings are asked for', async (t) => {
    const dataDir = await madeFolder(t)
    const killed = await hold(dataDir)
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')
    const next = await start(dataDir, { settings: { work_mem: '7MB' } })
    assert.notEqual(next.pid, killed.pid)
    assert.deepEqual(await query(next.adminUrl, 'show work_mem'), [{ work_mem: '7MB' }])
  })

  test('E3, E6: after kill -9 of app and server what was committed is there', async (t) => {
    const dataDir = await madeFolder(t)
    const killed = await hold(dataDir)
    const url = `postgres://postgres:${readFileSync(join(dataDir, 'password'), 'utf8')}@127.0.0.1:${killed.port}/shop`
    await query(url, `create table note as select 'kept' as text`)
    process.kill(killed.pid, 'SIGKILL')
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')
    assert.ok(existsSync(join(dataDir, 'data/postmaster.pid')))
    const next = await start(dataDir)
    assert.equal(next.startedFresh, true)
    assert.deepEqual(await query(next.adminUrl, 'select text from note'), [{ text: 'kept' }])
  })

  test('E3, E6: sessions that outlive a killed server are ended before the next one starts', async (t) => {
    const dataDir = await madeFolder(t)
    const killed = await hold(dataDir)
    const url = `postgres://postgres:${readFileSync(join(dataDir, 'password'), 'utf8')}@127.0.0.1:${killed.port}/shop`
    const endless = query(url, 'do $$ begin loop end loop; end $$').catch((error: Error) => error)
    const session = await until(async () => {
      const [row] = await query(url, `select pid from pg_stat_activity where query like 'do %' and state = 'active'`)
      return row?.pid as number | undefined
    })
    process.kill(killed.pid, 'SIGKILL')
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')
    assert.ok(isAlive({ pid: session, began: '' }))
    const next = await start(dataDir)
    assert.equal(isAlive({ pid: session, began: '' }), false)
    assert.equal((await query(next.adminUrl, 'select 1 as one')).length, 1)
    assert.ok((await endless) instanceof Error)
  })

  test('E3, E4: a postmaster.pid whose number belongs to a stranger now is no obstacle, and the stranger is left alone', async (t) => {
    const dataDir = await madeFolder(t)
    const stranger = spawn('sleep', ['60'])
    t.after(() => stranger.kill())
    writeFileSync(
      join(dataDir, 'data/postmaster.pid'),
      `${stranger.pid}\n${dataDir}/data\n0\n5432\n\n127.0.0.1\n\nready\n`,
    )
    const server = await start(dataDir)
    assert.equal(server.startedFresh, true)
    assert.equal(stranger.exitCode ?? stranger.signalCode, null)
  })

  test('E3: the lock of a dead process is taken over', async (t) => {
    const dataDir = await madeFolder(t)
    const dead = spawn('true')
    await once(dead, 'exit')
    writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: dead.pid, began: '1' }))
    await start(dataDir)
    assert.equal(existsSync(join(dataDir, 'lock')), false)
  })

  test('E3: a half-made folder is made anew, and what was in it is kept aside', async (t) => {
    const dataDir = emptyFolder(t)
    mkdirSync(join(dataDir, 'data/base'), { recursive: true })
    writeFileSync(join(dataDir, 'data/PG_VERSION'), '18\n')
    mkdirSync(join(dataDir, 'making-dead/data'), { recursive: true })
    const server = await start(dataDir)
    assert.equal((await query(server.adminUrl, 'select 1 as one')).length, 1)
    const names = readdirSync(dataDir)
    assert.equal(names.filter((name) => name.startsWith('broken-')).length, 1)
    assert.equal(names.filter((name) => name.startsWith('making-')).length, 0)
  })

  test('E3: an app that is killed while it makes the database is no obstacle', async (t) => {
    const dataDir = emptyFolder(t)
    const fixture = fileURLToPath(new URL('./hold.fixture.ts', import.meta.url))
    const child = spawn(process.execPath, [fixture, dataDir], { stdio: 'ignore' })
    await until(async () => {
      const making = existsSync(dataDir) ? readdirSync(dataDir).find((name) => name.startsWith('making-')) : undefined
      return making && existsSync(join(dataDir, making, 'data/base')) ? making : undefined
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const server = await start(dataDir)
    assert.equal(server.startedFresh, true)
    assert.equal((await query(server.adminUrl, 'select 1 as one')).length, 1)
    assert.equal(readdirSync(dataDir).filter((name) => name.startsWith('making-')).length, 0)
  })

  test('E3: a lost password is replaced, the data stays', async (t) => {
    const dataDir = await madeFolder(t)
    const first = await startEmbedded({ dataDir, database: 'shop' })
    await query(first.adminUrl, `create table note as select 'kept' as text`)
    await first.stop()
    rmSync(join(dataDir, 'password'))
    const next = await start(dataDir)
    assert.notEqual(next.adminUrl, first.adminUrl)
    assert.deepEqual(await query(next.adminUrl, 'select text from note'), [{ text: 'kept' }])
  })

  test('Ctrl-C, which reaches the whole process group, leaves the server to the app', async (t) => {
    const dataDir = await madeFolder(t)
    const app = await hold(dataDir)
    process.kill(-app.child.pid!, 'SIGINT')
    await once(app.child, 'exit')
    const next = await start(dataDir)
    assert.equal(next.pid, app.pid)
  })

  test('a server whose folder was removed still stops', async (t) => {
    const dataDir = await madeFolder(t)
    const server = await startEmbedded({ dataDir, database: 'shop' })
    rmSync(dataDir, { recursive: true })
    await server.stop()
    assert.equal(isAlive({ pid: server.pid, began: '' }), false)
  })

  test('a taken port is replaced by another', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    t.after(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const server = await start(await madeFolder(t), { port })
    assert.notEqual(server.port, port)
  })

  test('data of another major version is refused and not touched', async (t) => {
    const dataDir = await madeFolder(t)
    writeFileSync(join(dataDir, 'data/PG_VERSION'), '17\n')
    await assert.rejects(startEmbedded({ dataDir, database: 'shop' }), (error) => EmbeddedOtherVersion.is(error))
    assert.equal(readFileSync(join(dataDir, 'data/PG_VERSION'), 'utf8'), '17\n')
  })

  test('a setting that Postgres refuses is reported with its own words', async (t) => {
    const dataDir = await madeFolder(t)
    const starting = startEmbedded({ dataDir, database: 'shop', settings: { shared_buffers: 'plenty' } })
    await assert.rejects(starting, {
      code: 'TF_EMBEDDED_START_FAILED',
      message: /invalid value for parameter "shared_buffers"/,
    })
    assert.equal(findRunning(openHome(dataDir)), undefined)
  })
})

/** What has to end before a folder is removed: hooks run in the order in which they were set. */
const leaving = new Map<string, (() => Promise<void>)[]>()

function beforeRemoval(dataDir: string, leave: () => Promise<void>): void {
  leaving.set(dataDir, [...(leaving.get(dataDir) ?? []), leave])
}

function emptyFolder(t: TestContext): string {
  const folder = temporaryFolder('embedded')
  const dataDir = join(folder, '.tenfold/postgres')
  t.after(async () => {
    await Promise.all((leaving.get(dataDir) ?? []).map((leave) => leave()))
    rmSync(folder, { recursive: true, force: true })
  })
  return dataDir
}

/** One with a new cluster in it: saves the time of initdb where that is not what is tested. */
async function madeFolder(t: TestContext): Promise<string> {
  const dataDir = emptyFolder(t)
  await copyNewCluster(dataDir)
  return dataDir
}

async function start(dataDir: string, more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ dataDir, database: 'shop', ...more })
  beforeRemoval(dataDir, () => server.stop())
  return server
}

interface Held {
  child: ChildProcess
  pid: number
  port: number
  startedFresh: boolean
}

/** Another process that uses the folder, until its standard input ends. */
async function hold(dataDir: string): Promise<Held> {
  const fixture = fileURLToPath(new URL('./hold.fixture.ts', import.meta.url))
  const child = spawn(process.execPath, [fixture, dataDir], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  beforeRemoval(dataDir, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.stdin.end()
    await once(child, 'exit')
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, ...(JSON.parse(line.toString()) as Omit<Held, 'child'>) }
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 10_000; ;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.ok(Date.now() < deadline, 'waited too long')
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // the statement that was running reports it
  await client.connect()
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}
