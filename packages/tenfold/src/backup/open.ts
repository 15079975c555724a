import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rm } from 'node:fs/promises'
import { messageOf, randomHex, TenfoldError, type Clock } from '../kernel/index.ts'
import type { Storage } from '../storage/index.ts'
import { createArchive, type ArchiveParts } from './archive.ts'
import type { Backups, BackupStatus, Expected, Manifest, TakeOptions, Verdict } from './backup.ts'
import { startBaseBackup } from './base.ts'
import * as catalog from './catalog.ts'
import { dump } from './dump.ts'
import { BackupFailed } from './errors.ts'
import { toRemove } from './keep.ts'
import { planLog, pruneLog, storedPosition } from './log.ts'
import { chooseKind, describeServer, type Server } from './plan.ts'
import { named, restore, scratchFolder, startRestored, type Source } from './restore.ts'
import { compare, readContents, rolesIn, unchanged } from './tables.ts'

export interface BackupsOptions {
  /** An administrator's address, without a pooler between. Only needed to take, archive and compare. */
  url?: string
  storage: Storage
  /** The app's name. */
  app: string
  appVersion: string
  clock: Clock
  log: ArchiveParts['log']
  /** Where servers for `verify` are made; they need as much room as the database. Defaults to the temporary directory. */
  scratch?: string
}

/** @example
 *  const backups = openBackups({ url, storage, app: 'shop', appVersion: '1.4.0', clock, log })
 *  const { id } = await backups.take()
 *  const { ok, problems } = await backups.verify(id) */
export function openBackups(options: BackupsOptions): Backups {
  const { storage, app, clock } = options
  const url = (): string => {
    if (options.url === undefined) throw new TypeError('These backups were opened without a database.')
    return options.url
  }
  const sourceOf = (manifest: Manifest, rest: Partial<Source> = {}): Source => {
    return { storage, manifest, until: undefined, onProgress: undefined, ...rest }
  }
  const backups: Backups = {
    take: (how = {}) => take(options, url(), how),
    list: () => catalog.listManifests(storage),
    get: (id) => catalog.findManifest(storage, id),
    async restore(id, how) {
      const manifest = await catalog.findManifest(storage, id)
      return restore(sourceOf(manifest, { until: how.until, onProgress: how.onProgress }), how)
    },
    async verify(id, { onProgress } = {}) {
      const manifest = await catalog.findManifest(storage, id)
      return verify(options, sourceOf(manifest, { onProgress }))
    },
    async prune(keep) {
      const all = await catalog.listManifests(storage)
      const ids = new Set(toRemove(all, keep))
      for (const manifest of all) if (ids.has(manifest.id)) await catalog.removeBackup(storage, manifest)
      const systems = all.flatMap(({ log }) => (log ? [log.system] : []))
      await pruneLog(
        storage,
        all.filter(({ id }) => !ids.has(id)),
        systems,
      )
      await catalog.removeLeftovers(storage, clock.now())
      return [...ids]
    },
    status: (expected) => status(options, expected),
    archive: ({ everyMs } = {}) =>
      createArchive({
        url: url(),
        storage,
        slot: `tenfold_${app.replace(/[^a-z0-9_]/g, '_')}`,
        log: options.log,
        ...(everyMs !== undefined && { everyMs }),
      }),
  }
  return backups
}

async function take(
  { storage, app, appVersion, clock }: BackupsOptions,
  url: string,
  how: TakeOptions,
): Promise<Manifest> {
  // Begins with its time: sorted by name is sorted by age.
  const id = `${new Date(clock.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}-${randomHex(2)}`
  try {
    const server = await describeServer(url)
    const kind = await chooseKind(url, server, how.kind)
    const facts = {
      id,
      kind,
      app,
      appVersion,
      startedAt: server.now,
      serverVersion: server.version,
      database: server.database,
    }
    const data = kind === 'base' ? await takeBase(storage, url, id, how) : await takeDump(storage, url, id, server, how)
    const manifest: Manifest = { ...facts, ...data }
    try {
      how.signal?.throwIfAborted()
      await catalog.writeManifest(storage, manifest)
    } catch (error) {
      await storage.delete(manifest.file)
      throw error
    }
    return manifest
  } catch (thrown) {
    const error: unknown = how.signal?.aborted ? how.signal.reason : thrown
    const told = catalog.fullOr(error, 'making a backup')
    const failure =
      told instanceof TenfoldError ? told : BackupFailed({ id, reason: messageOf(error) }, { cause: error })
    const at = new Date(clock.now()).toISOString()
    await catalog.writeFailure(storage, { id, at, code: failure.code, message: failure.message }).catch(() => {})
    throw failure
  }
}

type Data = Omit<Manifest, 'id' | 'kind' | 'app' | 'appVersion' | 'startedAt' | 'serverVersion' | 'database'>

/** A table that is the same before and after is the same in the backup: only such are compared later. */
async function takeBase(
  storage: Storage,
  url: string,
  id: string,
  { checks = true, signal, onProgress }: TakeOptions,
): Promise<Data> {
  const reading = (step: string) => ({ onTable: (name: string): void => onProgress?.(`${step}: ${name}`, 0) })
  const before = checks ? await readContents(url, reading('counting')) : undefined
  const base = await startBaseBackup(url, { label: `tenfold ${id}`, signal, onProgress })
  base.done.catch(() => {}) // told through the body first
  const key = catalog.dataKey(id, 'base.tar.zst')
  const stored = await catalog.putCompressed(storage, key, base.body, signal)
  const { start, end, timeline } = await base.done
  const { now } = await describeServer(url)
  const after = before && (await readContents(url, reading('counting again')))
  return {
    finishedAt: now,
    file: key,
    size: stored.file.size,
    rawSize: stored.rawSize,
    sha256: stored.file.sha256,
    log: { system: base.system, timeline, start, end, segmentBytes: base.segmentBytes },
    ...(before && after && { tables: unchanged(before.tables, after.tables), sequences: before.sequences }),
    without: ['configuration outside of the data folder', 'files in storage', 'SECRET_KEY'],
  }
}

/** One snapshot for the dump and for what it is compared with. */
async function takeDump(
  storage: Storage,
  url: string,
  id: string,
  { major, now }: Server,
  { checks = true, signal, onProgress }: TakeOptions,
): Promise<Data> {
  const key = catalog.dataKey(id, 'dump.zst')
  let stored: Awaited<ReturnType<typeof catalog.putCompressed>> | undefined
  const contents = await readContents(url, {
    checksums: checks,
    onTable: (name) => onProgress?.(`counting: ${name}`, 0),
    within: async (snapshot) => {
      stored = await catalog.putCompressed(storage, key, counted(dump(url, major, snapshot), onProgress), signal)
    },
  })
  return {
    finishedAt: now,
    file: key,
    size: stored!.file.size,
    rawSize: stored!.rawSize,
    sha256: stored!.file.sha256,
    roles: await rolesIn(url),
    ...(checks && {
      tables: contents.tables.map((table) => ({ ...table, exact: true })),
      sequences: contents.sequences,
    }),
    without: [
      'roles and their passwords (`tenfold migrate up` makes them again, from SECRET_KEY)',
      'other databases of the server',
      'files in storage',
      'SECRET_KEY',
    ],
  }
}

async function* counted(source: AsyncIterable<Buffer>, onProgress: TakeOptions['onProgress']): AsyncGenerator<Buffer> {
  let done = 0
  for await (const chunk of source) {
    done += chunk.length
    onProgress?.('dump', done)
    yield chunk
  }
}

async function verify({ url, scratch, clock }: BackupsOptions, source: Source): Promise<Verdict> {
  const { manifest, storage, onProgress } = source
  const started = clock.elapsed()
  await catalog.checkStored(storage, manifest.file, manifest.sha256, manifest.size)
  const folder = await scratchFolder(scratch ?? join(tmpdir(), 'tenfold-verify'))
  try {
    const server = await startRestored(folder, source, await planLog(storage, manifest, undefined), { fsync: false })
    try {
      const found = await readContents(server.adminUrl, { onTable: (name) => onProgress?.(`comparing: ${name}`, 0) })
      const { tables = [], sequences = [] } = manifest
      const problems = manifest.tables ? compare({ tables, sequences }, found, manifest.kind === 'base') : []
      const exact = tables.filter((table) => table.exact)
      const now = url === undefined ? undefined : await readContents(url).catch(() => undefined)
      const live = now && unchanged(found.tables, now.tables)
      return {
        id: manifest.id,
        ok: problems.length === 0,
        compared: exact.length,
        notCompared: tables.filter((table) => !table.exact).map(({ name }) => name),
        rows: found.tables.reduce((sum, { rows }) => sum + rows, 0),
        problems,
        ...(live && {
          live: {
            same: live.filter((one) => one.exact).length,
            changed: live.filter((one) => !one.exact).map(({ name }) => name),
          },
        }),
        ms: Math.round(clock.elapsed() - started),
      }
    } finally {
      await server.stop()
    }
  } catch (error) {
    throw named(error, 'a server of its own', manifest)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function status({ storage, clock }: BackupsOptions, expected?: Expected): Promise<BackupStatus> {
  const [last] = await catalog.listManifests(storage)
  const failed = await catalog.lastFailure(storage)
  const due = expected !== undefined && clock.now() > expected.at + (expected.graceMs ?? 3_600_000)
  const known = last?.log && (await storedPosition(storage, last.log.system))
  return {
    ...(last && { last: { id: last.id, kind: last.kind, finishedAt: last.finishedAt, size: last.size } }),
    ...(failed && (!last || failed.at > last.finishedAt) && { failed }),
    missed: due && (!last || Date.parse(last.finishedAt) < expected.at),
    ...(known && { log: known }),
  }
}
