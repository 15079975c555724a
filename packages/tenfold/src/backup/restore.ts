/** From storage back to a database. What is restored is made aside, as a server of its own, and takes its place when done. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import {
  replaceData,
  startEmbedded,
  versionOfData,
  EmbeddedOtherVersion,
  type EmbeddedPostgres,
} from '../database/embedded/index.ts'
import { messageOf, randomHex, TenfoldError } from '../kernel/index.ts'
import type { Storage } from '../storage/index.ts'
import { listSegments } from './archive.ts'
import type { Manifest, Progress, Restored, RestoreOptions } from './backup.ts'
import { checkStored, fullOr, readCompressed } from './catalog.ts'
import { restoreDump } from './dump.ts'
import { BackupOtherVersion, BackupWalMissing, RestoreFailed, RestoreTarget, RestoreWouldLose } from './errors.ts'
import { planLog, type LogPlan } from './log.ts'
import { findProgram } from './plan.ts'
import { readContents, withClient } from './tables.ts'

export interface Source {
  storage: Storage
  manifest: Manifest
  until: string | undefined
  onProgress: Progress | undefined
}

export async function restore(source: Source, options: RestoreOptions): Promise<Restored> {
  const { manifest, storage } = source
  const { to, force = false, dryRun = false } = options
  const toUrl = /^postgres(ql)?:\/\//.test(to)
  if (toUrl && manifest.kind === 'base')
    throw RestoreTarget({ target: 'an address', reason: 'a base backup is the files of a whole server' })
  if (options.unpack && manifest.kind === 'dump')
    throw RestoreTarget({ target: to, reason: 'a dump is not unpacked: pg_restore reads it' })
  const target = toUrl ? withoutPassword(to) : resolve(to)
  const log = await planLog(storage, manifest, source.until)
  const replaces = toUrl ? await describeDatabase(to) : await describeFolder(target, manifest.database)
  const result: Restored = {
    id: manifest.id,
    to: target,
    done: false,
    ...(replaces !== undefined && { replaces }),
    ...(log?.segments.length && { lastSegment: log.segments.at(-1)!.name }),
  }
  if (dryRun) return result
  if (replaces !== undefined && !force) throw RestoreWouldLose({ target, lost: replaces })
  await checkStored(storage, manifest.file, manifest.sha256, manifest.size)
  try {
    if (toUrl) {
      await restoreDumpTo(to, source, force)
      return { ...result, done: true }
    }
    if (options.unpack) {
      if (replaces !== undefined) throw RestoreTarget({ target, reason: 'unpacking needs an empty folder' })
      await mkdir(target, { recursive: true, mode: 0o700 })
      await unpack(target, source, log)
      await appendFile(join(target, AUTO_CONF), `recovery_end_command = '${FORGET}' ${OURS}\n`)
      return { ...result, done: true }
    }
    await mkdir(target, { recursive: true, mode: 0o700 })
    const aside = await mkdtemp(join(target, 'restoring-'))
    try {
      await (await startRestored(aside, source, log, { fsync: true })).stop()
      const { movedTo } = await replaceData(target, async (data) => {
        await rmdir(data)
        await rename(join(aside, 'data'), data)
      })
      return { ...result, done: true, ...(movedTo !== undefined && { movedTo }) }
    } finally {
      await rm(aside, { recursive: true, force: true, maxRetries: 5 })
    }
  } catch (error) {
    throw named(error, target, manifest)
  }
}

/** A server of its own in `folder`, with the data of the backup; stop it when done. */
export async function startRestored(
  folder: string,
  source: Source,
  log: LogPlan | undefined,
  { fsync }: { fsync: boolean },
): Promise<EmbeddedPostgres> {
  const { manifest } = source
  const start = (): Promise<EmbeddedPostgres> =>
    startEmbedded({
      dataDir: folder,
      database: manifest.database,
      fsync,
      waitMs: RECOVERY_MS,
    })
  if (manifest.kind === 'dump') {
    const server = await start()
    try {
      await restoreDumpTo(server.adminUrl, source, false)
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }
  await replaceData(folder, (data) => unpack(data, source, log))
  try {
    return await recovered(folder, start)
  } catch (error) {
    if (log?.target === undefined || !messageOf(error).includes('before configured recovery target was reached'))
      throw error
    // Nothing was committed after that moment, as far as the log goes. That proves something only if the log is whole.
    if (log.gap !== undefined) throw BackupWalMissing({ segment: log.gap, from: manifest.id, wanted: log.target })
    await withoutTarget(join(folder, 'data'))
    return await recovered(folder, start)
  }
}

const RECOVERY_MS = 3_600_000

/** Starts it, and takes away what told it to recover. */
async function recovered(folder: string, start: () => Promise<EmbeddedPostgres>): Promise<EmbeddedPostgres> {
  const server = await start()
  try {
    await withClient(server.adminUrl, async (client) => {
      const { rows } = await client.query<{ recovering: boolean }>('select pg_is_in_recovery() as recovering')
      if (rows[0]!.recovering) throw new Error('the server is still recovering')
    })
    await keepLines(join(folder, 'data', AUTO_CONF), (line) => !line.endsWith(OURS))
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}

const AUTO_CONF = 'postgresql.auto.conf'
const OURS = '# tenfold restore'
/** A server that somebody else starts takes away by itself what told it to recover: it would not be read as a standby later. */
const FORGET = `sed -i.before "/${OURS}$/d" ${AUTO_CONF} && rm ${AUTO_CONF}.before`

async function withoutTarget(data: string): Promise<void> {
  await keepLines(join(data, AUTO_CONF), (line) => !line.startsWith('recovery_target_time'))
}

async function keepLines(file: string, wanted: (line: string) => boolean): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  await writeFile(file, lines.filter(wanted).join('\n')) // keeps its owner
}

/** The files of a base backup, with the archived log in its place, told to recover and then to be a primary.
 *  Always on a new timeline: else its own log would take the place of the one it was restored from. */
async function unpack(
  data: string,
  { storage, manifest, onProgress }: Source,
  log: LogPlan | undefined,
): Promise<void> {
  const tar = spawn('tar', ['--extract', '--no-same-owner', '--preserve-permissions', `--directory=${data}`], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  let said = ''
  tar.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)))
  const ended = once(tar, 'close') as Promise<[number | null]>
  const counted = async function* (): AsyncGenerator<Buffer> {
    let done = 0
    for await (const chunk of readCompressed(storage, manifest.file, manifest.sha256)) {
      done += chunk.length
      onProgress?.('unpacking', done, manifest.rawSize)
      yield chunk
    }
  }
  const fed = await pipeline(counted, tar.stdin).then(
    () => undefined,
    (error: Error & { code?: string }) => error,
  )
  const [code] = await ended
  // At the end of the archive tar may leave before it has read the padding after it; its own status says whether it was whole.
  const left = fed?.code === 'EPIPE' || fed?.code === 'ERR_STREAM_PREMATURE_CLOSE'
  if (fed && !left) throw fed
  if (code !== 0) throw new Error(`tar: ${said.trim() || `ended with ${code}`}`)

  for (const [i, segment] of (log?.segments ?? []).entries()) {
    onProgress?.('log', i + 1, log!.segments.length)
    await putSegment(join(data, 'pg_wal', segment.name), segment, storage, manifest.log!)
  }
  for (const { name, key } of log?.histories ?? []) {
    await pipeline(
      () => readCompressed(storage, key),
      async (chunks) => {
        for await (const chunk of chunks) await appendFile(join(data, 'pg_wal', name), chunk as Buffer)
      },
    )
  }
  // A server of Debian keeps these elsewhere.
  for (const [name, text] of CONFIGURATION) {
    if (!existsSync(join(data, name))) await writeFile(join(data, name), text, { mode: 0o600 })
  }
  const target = log?.target === undefined ? '' : `recovery_target_time = '${log.target}' ${OURS}\n`
  // Not to be read while it recovers: that needs the limits of the server it came from, and more than one process.
  const settings = `hot_standby = off ${OURS}\nrestore_command = 'false' ${OURS}\nrecovery_target_timeline = 'current' ${OURS}\n${target}recovery_target_action = 'promote' ${OURS}\n`
  await appendFile(join(data, AUTO_CONF), `\n${settings}`)
  await writeFile(join(data, 'recovery.signal'), '', { mode: 0o600 })
}

const CONFIGURATION = [
  ['postgresql.conf', ''],
  ['pg_hba.conf', 'host all all 127.0.0.1/32 scram-sha-256\n'],
  ['pg_ident.conf', ''],
] as const

/** An unfinished segment is made as long as a whole one: its end is where the log ended. While the log is being archived, a
 *  longer part takes the place of the one that was found: then that is read. */
async function putSegment(
  path: string,
  found: LogPlan['segments'][number],
  storage: Storage,
  { system, segmentBytes }: NonNullable<Manifest['log']>,
): Promise<void> {
  for (let { key, bytes } = found; ;) {
    try {
      const chunks: Buffer[] = []
      for await (const chunk of readCompressed(storage, key)) chunks.push(chunk)
      const content = Buffer.concat(chunks)
      if (content.length !== (bytes ?? segmentBytes)) throw new Error(`${path} has ${content.length} bytes`)
      return await writeFile(path, Buffer.concat([content, Buffer.alloc(segmentBytes - content.length)]), {
        mode: 0o600,
      })
    } catch (error) {
      const now = bytes === undefined ? undefined : (await listSegments(storage, system)).get(found.name)
      if (!now || now.key === key) throw error
      ;({ key, bytes } = { bytes: undefined, ...now })
    }
  }
}

async function restoreDumpTo(url: string, { storage, manifest, onProgress }: Source, clean: boolean): Promise<void> {
  const major = Number.parseInt(manifest.serverVersion, 10)
  if ((await findProgram('pg_restore', major)) === undefined) {
    throw BackupOtherVersion({ backup: manifest.serverVersion, here: 'older, or missing', does: 'pg_restore' })
  }
  await withClient(url, async (client) => {
    for (const role of manifest.roles ?? []) {
      const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
      if (rowCount === 0) await client.query(`create role ${client.escapeIdentifier(role)} nologin`)
    }
  })
  const counted = async function* (): AsyncGenerator<Buffer> {
    let done = 0
    for await (const chunk of readCompressed(storage, manifest.file, manifest.sha256)) {
      done += chunk.length
      onProgress?.('restoring', done, manifest.rawSize)
      yield chunk
    }
  }
  await restoreDump(url, major, counted(), { clean })
}

/** What is in that database, in words; undefined for nothing. */
async function describeDatabase(url: string): Promise<string | undefined> {
  const { tables } = await readContents(url, { checksums: false })
  if (tables.length === 0) return undefined
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  return `${tables.length} tables with ${rows} rows`
}

/** What is in the folder, in words; undefined for nothing. A server that runs there is asked, one that does not is started. */
async function describeFolder(folder: string, database: string): Promise<string | undefined> {
  if (versionOfData(folder) === undefined) {
    const there = await readdir(folder).catch(() => [])
    const foreign = there.filter(
      (name) => !/^(password|server\.(json|log)(\.1)?|lock.*|user-.*|(restoring|replaced|broken)-.*)$/.test(name),
    )
    return foreign.length === 0 ? undefined : `the files in it (${foreign.slice(0, 5).join(', ')})`
  }
  try {
    const server = await startEmbedded({ dataDir: folder, database, waitMs: 60_000 })
    try {
      return (await describeDatabase(server.adminUrl)) ?? `a database without tables`
    } finally {
      await server.stop()
    }
  } catch (error) {
    const { mtime } = await stat(join(folder, 'data'))
    return `data that cannot be read, last changed ${mtime.toISOString()} (${messageOf(error).split('\n')[0]})`
  }
}

/** As one of our own errors. */
export function named(error: unknown, target: string, manifest: Manifest): unknown {
  if (EmbeddedOtherVersion.is(error)) {
    return BackupOtherVersion({
      backup: manifest.serverVersion,
      here: error.details.expected,
      does: 'the embedded Postgres',
    })
  }
  const told = fullOr(error, `restoring to ${target}`)
  if (told instanceof TenfoldError) return told
  return RestoreFailed({ target, reason: messageOf(error) }, { cause: error })
}

/** A folder for a server that lives as long as one check. */
export async function scratchFolder(base: string): Promise<string> {
  await mkdir(base, { recursive: true })
  const folder = join(base, `verify-${randomHex(4)}`)
  await mkdir(folder, { mode: 0o711 })
  return folder
}

function withoutPassword(url: string): string {
  const { host, pathname } = new URL(url)
  return `postgres://${host}${pathname}`
}
