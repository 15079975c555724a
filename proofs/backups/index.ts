/** A backup brings everything back, at any moment that was asked for, and one that cannot is found before it is needed. */
import { chmod, mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { openBackups, type Backups } from '../../packages/tenfold/src/backup/index.ts'
import { fillWithEverything } from '../../packages/tenfold/src/backup/everything.fixture.ts'
import {
  copyNewCluster,
  startEmbedded,
  type EmbeddedPostgres,
} from '../../packages/tenfold/src/database/embedded/index.ts'
import { systemClock } from '../../packages/tenfold/src/kernel/index.ts'
import { openStorage, type Storage } from '../../packages/tenfold/src/storage/index.ts'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { missedBackup } from './missed.ts'

export default {
  name: 'backups',
  about:
    'backups bring everything back, at any moment; damaged ones are found; a killed one leaves nothing; a missed one is told',
  options: { moments: 'how many moments are restored; 10 unless --quick, then 2' },
  run,
} satisfies Claims

interface Ground {
  home: string
  server: EmbeddedPostgres
  storage: Storage
  backups: Backups
}

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const home = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tenfold-prove-backups-'))
  await chmod(home, 0o711)
  await copyNewCluster(join(home, 'source'))
  const server = await startEmbedded({ dataDir: join(home, 'source'), database: 'shop', fsync: false })
  const storage = await openStorage({ url: join(home, 'files'), secrets: ['proof'], clock: systemClock })
  const silent = { info: () => {}, warn: () => {} }
  const made = { app: 'shop', appVersion: '1', clock: systemClock, log: silent, scratch: join(home, 'scratch') }
  const ground: Ground = { home, server, storage, backups: openBackups({ ...made, url: server.adminUrl, storage }) }
  const rows: Row[] = []
  try {
    log('a schema of everything, with more rows')
    await fillWithEverything(server.adminUrl)
    await ask(
      server,
      `create table bulk as select n, md5(n::text) as a, md5((n * 7)::text) as b from generate_series(1, ${quick ? 20_000 : 1_000_000}) n`,
    )
    const claims = [
      ...(await roundTrip(ground, rows)),
      await moments(ground, Number(set.moments ?? (quick ? 2 : 10)), log, signal),
      ...(await damage(ground, quick ? 3 : 20)),
      await killed(ground, quick ? 3 : 10),
      // The app waits for its own minute to look again: too long for a short run.
      ...(quick ? [] : await missedBackup(log, signal)),
    ]
    return { claims, rows, versions: { postgres: server.version } }
  } finally {
    await storage.close()
    await server.stop()
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function roundTrip({ backups }: Ground, rows: Row[]): Promise<Claim[]> {
  const before = { memory: process.memoryUsage().rss, at: performance.now() }
  let most = before.memory
  const made = await backups.take({ onProgress: () => void (most = Math.max(most, process.memoryUsage().rss)) })
  rows.push({
    what: 'backup',
    ms: Math.round(performance.now() - before.at),
    MB: Math.round(made.rawSize / 1e6),
    'MB stored': Math.round(made.size / 1e6),
  })
  const verdict = await backups.verify(made.id)
  rows.push({ what: 'verify', ms: verdict.ms, rows: verdict.rows })
  const grown = Math.round((most - before.memory) / 2 ** 20)
  return [
    claim(
      'tables that come back with the same rows, by checksum',
      `all ${made.tables!.length}`,
      verdict.compared - verdict.problems.length,
      verdict.compared === made.tables!.length && verdict.ok,
    ),
    claim('memory that a backup takes, in MiB', 'at most 150', grown, grown <= 150),
  ]
}

/** Writes go on while the log is archived; each moment lies between two of them. */
async function moments(
  ground: Ground,
  count: number,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<Claim> {
  const { server, backups, home } = ground
  const archive = backups.archive({ everyMs: 50 })
  await archive.start()
  try {
    const { id } = await backups.take({ checks: false })
    await ask(server, 'create table moment (n int)')
    const wanted: { at: string; n: number }[] = []
    for (let n = 1; n <= 200; n++) {
      await ask(server, `insert into moment values (${n})`)
      const [row] = await ask(
        server,
        `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
      )
      if (n % Math.floor(200 / count) === 0) wanted.push({ at: row!.at as string, n })
      if (n % 40 === 0) await ask(server, 'select pg_switch_wal()')
    }
    const deadline = Date.now() + 30_000
    while (!((await backups.status()).log!.at > wanted.at(-1)!.at)) {
      if (Date.now() > deadline) throw new Error('the log was not archived within 30 s')
      await systemClock.sleep(20)
    }
    let exact = 0
    for (const { at, n } of wanted) {
      signal.throwIfAborted()
      const to = join(home, `moment-${n}`)
      await backups.restore(id, { to, until: at })
      const copy = await startEmbedded({ dataDir: to, database: 'shop', fsync: false })
      const [row] = await ask(copy, 'select count(*)::int as rows, max(n) as last from moment')
      await copy.stop()
      await rm(to, { recursive: true })
      if (row!.rows === n && row!.last === n) exact++
      log(`moment after write ${n}: ${String(row!.rows)} rows`)
    }
    return claim('moments between two writes, restored exactly', `all ${wanted.length}`, exact, exact === wanted.length)
  } finally {
    await archive.stop()
  }
}

/** One byte is changed in each of many places, then changed back. */
async function damage({ home, backups, storage }: Ground, places: number): Promise<Claim[]> {
  const made = await backups.take({ checks: false })
  const all = await readdir(join(home, 'files', 'files'), { recursive: true, withFileTypes: true })
  const [found] = all
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .filter((path) => path.includes(`${made.id}/base`))
  const file = await open(found!, 'r+')
  let named = 0
  for (let place = 0; place < places; place++) {
    const at = Math.floor((made.size * (place + 0.5)) / places)
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
    await file.write(Buffer.from([buffer[0]! ^ (1 << (place % 8))]), 0, 1, at)
    const error = await backups.verify(made.id).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if ((error as { code?: string })?.code === 'TF_BACKUP_DAMAGED') named++
    await file.write(buffer, 0, 1, at)
  }
  await file.close()

  const segments: string[] = []
  const system = made.log!.system
  for (const { key } of (await storage.list(`tenfold.backups/log/${system}/`)).files)
    if (/[0-9A-F]{24}\.zst$/.test(key)) segments.push(key)
  const [oldest] = (await backups.list()).filter(({ log }) => log !== undefined).slice(1)
  const lost = segments.at(-2)!
  await storage.delete(lost)
  const error = await backups.restore(oldest!.id, { to: join(home, 'gap'), until: 'latest' }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const { code, message = '' } = (error ?? {}) as { code?: string; message?: string }
  const segment = /([0-9A-F]{24})\.zst$/.exec(lost)![1]!
  return [
    claim('changed bytes that are found before anything is restored', `all ${places}`, named, named === places),
    claim(
      'a missing log segment is named',
      segment,
      message.match(/[0-9A-F]{24}/)?.[0] ?? String(code),
      code === 'TF_BACKUP_WAL_MISSING' && message.includes(segment),
    ),
  ]
}

async function killed({ backups }: Ground, times: number): Promise<Claim> {
  const before = (await backups.list()).length
  for (let n = 1; n <= times; n++) {
    const stop = new AbortController()
    const onProgress = (step: string, done: number): void => {
      if (step === 'base backup' && done > n * 400_000) stop.abort(new Error('killed'))
    }
    await backups.take({ checks: false, signal: stop.signal, onProgress }).then(
      () => {},
      () => {},
    )
  }
  const listed = (await backups.list()).length - before
  return claim(`backups that are listed after ${times} were broken off`, 0, listed, listed === 0)
}

function claim(text: string, goal: string | number, value: string | number, holds: boolean): Claim {
  return { claim: text, goal, value, holds }
}

async function ask({ adminUrl }: EmbeddedPostgres, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: adminUrl })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}
