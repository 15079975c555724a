import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { after, before, describe, test } from 'node:test'
import { copyNewCluster, startEmbedded, type EmbeddedPostgres } from '../database/embedded/index.ts'
import { debianPrograms, startDebian } from '../database/testing/index.ts'
import { systemClock } from '../kernel/index.ts'
import { openStorage, type Storage } from '../storage/index.ts'
import { listSegments } from './archive.ts'
import { fillWithEverything } from './everything.fixture.ts'
import { openBackups } from './index.ts'
import { toRemove } from './keep.ts'
import { planLog } from './log.ts'
import { positionOf, segmentAt } from './replication.ts'
import { withClient } from './tables.ts'

const silent = { info: () => {}, warn: () => {} }

async function run(url: string, sql: string): Promise<Record<string, unknown>[]> {
  return withClient(url, async (client) => (await client.query(sql)).rows as Record<string, unknown>[])
}

async function until(condition: () => Promise<boolean>, ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'it did not come true in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('backups', () => {
  let home: string
  let server: EmbeddedPostgres
  let storage: Storage
  const backups = (at: Storage = storage) =>
    openBackups({
      url: server.adminUrl,
      storage: at,
      app: 'shop',
      appVersion: '1.2.3',
      clock: systemClock,
      log: silent,
      scratch: join(home, 'scratch'),
    })

  before(async () => {
    home = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tenfold-backup-'))
    await chmod(home, 0o711)
    await copyNewCluster(join(home, 'source'))
    server = await startEmbedded({ dataDir: join(home, 'source'), database: 'shop', fsync: false })
    storage = await openStorage({ url: join(home, 'files'), secrets: ['secret'], clock: systemClock })
    await fillWithEverything(server.adminUrl)
  })
  after(async () => {
    await storage.close()
    await server.stop()
    await rm(home, { recursive: true, force: true })
  })

  /** Every file of the disk's storage that has this in its name. */
  async function stored(part: string): Promise<string[]> {
    const all = await readdir(join(home, 'files', 'files'), { recursive: true, withFileTypes: true })
    return all
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name))
      .filter((path) => path.includes(part))
  }

  test('a base backup brings back every table, sequence and role, and verify says so', async () => {
    const steps: string[] = []
    const manifest = await backups().take({ onProgress: (step) => steps.push(step) })
    assert.equal(manifest.kind, 'base')
    assert.ok(manifest.tables!.length >= 8 && manifest.tables!.every(({ exact }) => exact))
    assert.ok(manifest.size < manifest.rawSize && manifest.rawSize > 5_000_000)
    assert.ok(steps.includes('base backup'))
    assert.deepEqual(await backups().list(), [manifest])

    const verdict = await backups().verify(manifest.id)
    assert.deepEqual(verdict.problems, [])
    assert.ok(verdict.ok && verdict.compared === manifest.tables!.length)
    assert.deepEqual(verdict.live, { same: manifest.tables!.length, changed: [] })
    assert.deepEqual(await readdir(join(home, 'scratch')), [])

    const folder = join(home, 'restored')
    const restored = await backups().restore('latest', { to: folder })
    assert.ok(restored.done && restored.replaces === undefined)
    const copy = await startEmbedded({ dataDir: folder, database: 'shop' })
    try {
      const roles = await run(copy.adminUrl, `select rolname from pg_roles where rolname = 'clerk'`)
      assert.equal(roles.length, 1)
      const [row] = await run(copy.adminUrl, `insert into everything.plain (small) values (1) returning id, doubled`)
      assert.ok(Number(row!.id) > 1000 && row!.doubled === 2)
    } finally {
      await copy.stop()
    }
  })

  test('a flipped byte is found before anything is restored', async () => {
    const manifest = await backups().take({ checks: false })
    const [path] = await stored(manifest.id + '/base')
    const file = await open(path!, 'r+')
    const at = Math.floor(manifest.size / 2)
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
    await file.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, at)
    await file.close()
    const to = join(home, 'never')
    await assert.rejects(backups().restore(manifest.id, { to }), {
      code: 'TF_BACKUP_DAMAGED',
      message: /base\.tar\.zst .*checksum/,
    })
    await assert.rejects(backups().verify(manifest.id), { code: 'TF_BACKUP_DAMAGED' })
    await truncate(path!, at)
    await assert.rejects(backups().verify(manifest.id), { code: 'TF_BACKUP_DAMAGED' })
    assert.deepEqual(await readdir(to).catch(() => []), [])
  })

  test('a backup of a database with another content fails its verification', async () => {
    const manifest = await backups().take()
    const lied = structuredClone(manifest)
    lied.tables!.find(({ name }) => name === 'everything.line')!.checksum = '1'
    lied.tables!.find(({ name }) => name === 'everything.parent')!.rows = 7
    lied.tables!.push({ name: 'everything.lost', rows: 1, checksum: '1', exact: true })
    lied.sequences!.find(({ name }) => name === 'everything.ticket')!.value = '999999'
    await storage.put(`tenfold.backups/manifests/${manifest.id}.json`, JSON.stringify(lied))
    const { ok, problems } = await backups().verify(manifest.id)
    assert.equal(ok, false)
    assert.deepEqual(problems, [
      'table everything.line has 300 rows, but not the same ones',
      'table everything.parent has 1 rows instead of 7',
      'table everything.lost is missing',
      'sequence everything.ticket stands at 5133 instead of 999999',
    ])
  })

  test('what was written to meanwhile is said not to be compared', async () => {
    const writing = new AbortController()
    const writer = (async () => {
      while (!writing.signal.aborted) await run(server.adminUrl, 'insert into everything.empty values (1)')
    })()
    const manifest = await backups()
      .take()
      .finally(() => writing.abort())
    await writer
    const { ok, notCompared, live } = await backups().verify(manifest.id)
    assert.ok(ok)
    assert.deepEqual(notCompared, ['everything.empty'])
    assert.deepEqual(live!.changed, ['everything.empty'])
  })

  test('a backup that is killed or fails is not listed, and the failure can be asked for', async () => {
    const count = (await backups().list()).length
    const stop = new AbortController()
    const onProgress = (step: string): void =>
      void (step === 'base backup' && stop.abort(new Error('the machine goes down')))
    await assert.rejects(backups().take({ signal: stop.signal, onProgress }), { code: 'TF_BACKUP_FAILED' })
    assert.equal((await backups().list()).length, count)
    const { failed, last, missed } = await backups().status({ at: Date.now() - 7_200_000 })
    assert.match(failed!.message, /the machine goes down/)
    assert.ok(!last || !missed)
    assert.ok((await backups().status({ at: Date.now() + 1, graceMs: -10 })).missed)
    // Another process, killed while it sends.
    const program = fileURLToPath(new URL('./take.fixture.ts', import.meta.url))
    const child = spawn(process.execPath, [program, server.adminUrl, join(home, 'files')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    assert.equal((await backups().list()).length, count)
    const slots = (): Promise<Record<string, unknown>[]> => run(server.adminUrl, 'select from pg_replication_slots')
    await until(async () => (await slots()).length === 0)
  })

  test('data that is there is replaced only by force, and moved aside then', async () => {
    const to = join(home, 'other')
    const there = await startEmbedded({ dataDir: to, database: 'shop', fsync: false })
    await run(there.adminUrl, 'create table precious (id int); insert into precious values (1), (2), (3)')
    await assert.rejects(backups().restore('latest', { to, force: true }), { code: 'TF_EMBEDDED_IN_USE' })
    await there.stop()
    const wouldLose = { code: 'TF_RESTORE_WOULD_LOSE', message: /1 tables with 3 rows/ }
    await assert.rejects(backups().restore('latest', { to }), wouldLose)
    const dry = await backups().restore('latest', { to, dryRun: true })
    assert.deepEqual([dry.done, dry.replaces], [false, '1 tables with 3 rows'])
    const { movedTo } = await backups().restore('latest', { to, force: true })
    assert.ok((await readdir(movedTo!)).includes('PG_VERSION'))
    const restored = await startEmbedded({ dataDir: to, database: 'shop', fsync: false })
    assert.equal(
      (await run(restored.adminUrl, `select from pg_tables where tablename in ('plain', 'precious')`)).length,
      1,
    )
    await restored.stop()
    await assert.rejects(backups().restore('latest', { to: 'postgres://127.0.0.1/x' }), { code: 'TF_RESTORE_TARGET' })
    await assert.rejects(backups().restore('nothing', { to }), { code: 'TF_BACKUP_UNKNOWN' })
  })

  test('what is unpacked for another server recovers there, and forgets that it did', async () => {
    await run(server.adminUrl, 'create table unpacked as select 7 as n')
    const { id } = await backups().take({ checks: false })
    const own = join(home, 'own')
    const { done } = await backups().restore(id, { to: join(own, 'data'), unpack: true })
    assert.ok(done)
    // Whoever unpacks gives the files to the user of that server.
    const { uid, gid } = await stat(join(home, 'source', 'data'))
    await promisify(execFile)('chown', ['-R', `${uid}:${gid}`, own])
    const start = () => startEmbedded({ dataDir: own, database: 'shop', fsync: false })
    await (await start()).stop()
    const recovered = await start()
    const [row] = await run(
      recovered.adminUrl,
      `select n, current_setting('hot_standby') as readable,
      current_setting('restore_command') as command, pg_is_in_recovery() as recovering from unpacked`,
    )
    await recovered.stop()
    assert.deepEqual(row, { n: 7, readable: 'on', command: '', recovering: false })
  })

  test('any moment between two writes can be restored, and a missing log segment is named', async (t) => {
    const archive = backups().archive({ everyMs: 50 })
    const archived = async (): Promise<void> => {
      const [row] = await run(server.adminUrl, `select clock_timestamp() as now`)
      await until(async () => Date.parse((await backups().status()).log?.at ?? '1970') > (row!.now as Date).getTime())
    }
    await archive.start()
    t.after(() => archive.stop())
    const manifest = await backups().take({ checks: false })
    await run(server.adminUrl, 'create table moment (n int)')
    const moments: string[] = []
    for (let n = 1; n <= 40; n++) {
      await run(server.adminUrl, `insert into moment values (${n})`)
      const [row] = await run(
        server.adminUrl,
        `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
      )
      moments.push(row!.at as string)
      if (n % 10 === 0) await run(server.adminUrl, 'select pg_switch_wal()')
    }
    await archived()
    const rowsAt = async (until: string): Promise<number> => {
      const to = join(home, `at-${until.replaceAll(/\W/g, '')}`)
      await backups().restore(manifest.id, { to, until })
      const copy = await startEmbedded({ dataDir: to, database: 'shop', fsync: false })
      const [row] = await run(copy.adminUrl, 'select count(*)::int as n from moment')
      await copy.stop()
      await rm(to, { recursive: true })
      return row!.n as number
    }
    /** While the log is read, a longer part takes the place of the one that was found. */
    const overtaken = async (): Promise<void> => {
      let times = 0
      const slow = new Proxy(storage, {
        get(target, name) {
          if (name !== 'get') return Reflect.get(target, name).bind(target)
          return async (key: string) => {
            if (/\.[0-9a-f]{8}\.zst$/.test(key) && times++ === 0) {
              await run(server.adminUrl, 'insert into moment values (42)')
              await archived()
            }
            return target.get(key)
          }
        },
      })
      const to = join(home, 'overtaken')
      await backups(slow).restore(manifest.id, { to, until: 'latest' })
      assert.ok(times > 1, 'the first part was gone when it was read')
      await rm(to, { recursive: true })
    }
    assert.equal(await rowsAt(moments[4]!), 5)
    assert.equal(await rowsAt(moments[39]!), 40) // nothing was committed after it
    await run(server.adminUrl, 'insert into moment values (41)')
    await archived()
    assert.equal(await rowsAt('latest'), 41)
    await overtaken()
    for (const until of ['2020-01-01T00:00:00Z', '2100-01-01T00:00:00Z', 'yesterday']) {
      await assert.rejects(rowsAt(until), { code: 'TF_BACKUP_UNTIL' }, until)
    }

    const segments = await listSegments(storage, manifest.log!.system)
    const whole = [...segments]
      .filter(([, { bytes }]) => bytes === undefined)
      .map(([name]) => name)
      .sort()
    const lost = whole.at(-2)!
    await storage.delete(segments.get(lost)!.key)
    await assert.rejects(rowsAt('latest'), { code: 'TF_BACKUP_WAL_MISSING', message: new RegExp(lost) })
    await assert.rejects(rowsAt(moments[39]!), { code: 'TF_BACKUP_WAL_MISSING', message: new RegExp(lost) })
    assert.equal(await rowsAt(moments[4]!), 5) // before the gap
  })

  test('a second process waits until the first stops archiving, and goes on without a gap', async (t) => {
    const [first, second] = [backups().archive({ everyMs: 50 }), backups().archive({ everyMs: 50 })]
    await first.start()
    t.after(() => Promise.all([first.stop(), second.stop()]))
    const active = async (): Promise<number> =>
      (await run(server.adminUrl, 'select from pg_replication_slots where active')).length
    await until(async () => (await active()) === 1)
    await second.start()
    const manifest = await backups().take({ checks: false })
    await run(server.adminUrl, 'create table handed (n int); insert into handed values (1)')
    await run(server.adminUrl, 'select pg_switch_wal()')
    await first.stop()
    await run(server.adminUrl, 'insert into handed values (2)')
    const [row] = await run(server.adminUrl, `select clock_timestamp() as now`)
    await until(async () => Date.parse((await backups().status()).log!.at) > (row!.now as Date).getTime())
    const plan = await planLog(storage, manifest, 'latest')
    assert.deepEqual([plan!.gap, plan!.segments.length], [undefined, 2], JSON.stringify({ plan, log: manifest.log }))
  })

  test('retention keeps the newest of each period, and the log that the rest needs', async () => {
    const before = await backups().list()
    const removed = await backups().prune('1d')
    const [kept, ...others] = await backups().list()
    assert.deepEqual([kept!.id, others.length, removed.length], [before[0]!.id, 0, before.length - 1])
    const first = segmentAt(1, positionOf(kept!.log!.start), kept!.log!.segmentBytes).name
    assert.ok([...(await listSegments(storage, kept!.log!.system)).keys()].every((name) => name >= first))
    await assert.rejects(backups().prune('sometimes'), { code: 'TF_BACKUP_KEEP' })
  })

  test('without the right to replicate and without pg_dump of its version it says what is missing', async () => {
    await run(server.adminUrl, `create role plain_user login superuser password 'x'`)
    await run(server.adminUrl, `alter role plain_user nosuperuser`)
    const url = new URL(server.adminUrl)
    url.username = 'plain_user'
    url.password = 'x'
    const poor = openBackups({ url: url.href, storage, app: 'shop', appVersion: '1', clock: systemClock, log: silent })
    await assert.rejects(poor.take({ kind: 'base' }), { code: 'TF_BACKUP_IMPOSSIBLE', message: /may not replicate/ })
  })
})

const skip = debianPrograms() === undefined && 'no Postgres of the operating system: run scripts/setup'

describe('dumps', { skip }, () => {
  test('where the user may not replicate, pg_dump makes the backup, and a restore has the same', async (t) => {
    const home = await mkdtemp(join(tmpdir(), 'tenfold-dump-'))
    await chmod(home, 0o755)
    t.after(() => rm(home, { recursive: true, force: true, maxRetries: 5 }))
    const { urlOf: url, close } = await startDebian()
    t.after(close)
    const storage = await openStorage({ url: join(home, 'files'), secrets: ['secret'], clock: systemClock })
    t.after(() => storage.close())
    await run(url('postgres', 'postgres'), 'create role owner login')
    await run(url('postgres', 'postgres'), 'create database shop owner owner')
    const own = url('owner', 'shop')
    await run(
      own,
      `create table thing (id int primary key, word text, at timestamptz); create sequence counted;
      insert into thing select n, 'word ' || n, timestamptz '2026-01-01' + n * interval '1 s' from generate_series(1, 2000) n;
      select nextval('counted')`,
    )
    const backups = openBackups({ url: own, storage, app: 'shop', appVersion: '1', clock: systemClock, log: silent,
      scratch: join(home, 'scratch') }) // prettier-ignore

    const manifest = await backups.take()
    assert.equal(manifest.kind, 'dump')
    assert.equal(manifest.tables!.find(({ name }) => name.endsWith('thing'))!.rows, 2000)
    const verdict = await backups.verify('latest')
    assert.deepEqual([verdict.ok, verdict.compared, verdict.problems], [true, 1, []])

    await run(url('postgres', 'postgres'), 'create database again owner owner')
    await backups.restore(manifest.id, { to: url('owner', 'again') })
    const [row] = await run(url('owner', 'again'), 'select count(*)::int as n, max(word) as word from thing')
    assert.deepEqual(row, { n: 2000, word: 'word 999' })
    await assert.rejects(backups.restore(manifest.id, { to: url('owner', 'again') }), { code: 'TF_RESTORE_WOULD_LOSE' })
    await run(url('owner', 'again'), 'delete from thing')
    await backups.restore(manifest.id, { to: url('owner', 'again'), force: true })
    assert.equal((await run(url('owner', 'again'), 'select from thing')).length, 2000)
    await assert.rejects(backups.restore(manifest.id, { to: join(home, 'x'), unpack: true }), {
      code: 'TF_RESTORE_TARGET',
    })
    await assert.rejects(backups.restore(manifest.id, { to: join(home, 'x'), until: 'latest' }), {
      code: 'TF_BACKUP_UNTIL',
    })

    const [file] = await readdir(join(home, 'files', 'files'), { recursive: true }).then((all) =>
      all.filter((name) => name.includes('dump')),
    )
    await truncate(join(home, 'files', 'files', file!), 1000)
    await assert.rejects(backups.verify('latest'), { code: 'TF_BACKUP_DAMAGED' })
  })
})

test('a policy keeps the newest of each day, week and month', () => {
  const day = (n: number) => new Date(Date.UTC(2026, 5, 30) - n * 86_400_000).toISOString()
  const all = Array.from({ length: 400 }, (_, n) => ({ id: String(n), finishedAt: day(n) }))
  const removed = new Set(toRemove(all, '7d/4w/12m'))
  const kept = all.map(({ id }) => Number(id)).filter((id) => !removed.has(String(id)))
  assert.deepEqual(kept.slice(0, 7), [0, 1, 2, 3, 4, 5, 6])
  assert.ok(kept.length >= 18 && kept.length <= 23)
  assert.equal(toRemove(all.slice(0, 1), '1d').length, 0)
})
