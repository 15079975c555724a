/** Which archived log carries a base backup to a moment, and what is missing of it. */
import type { Storage } from '../storage/index.ts'
import { listSegments, segmentIn, type StoredPosition } from './archive.ts'
import type { Manifest } from './backup.ts'
import { filesUnder, logPrefix, readJson } from './catalog.ts'
import { BackupUntil, BackupWalMissing } from './errors.ts'
import { positionOf, segmentAt } from './replication.ts'

export interface LogPlan {
  /** To be replayed after what the backup has itself, without a gap. */
  segments: { name: string; key: string; bytes?: number }[]
  /** Of timelines that were begun since: a new one must not take their number. */
  histories: { name: string; key: string }[]
  /** The moment, as Postgres reads it; undefined for all of the log. */
  target: string | undefined
  /** The segment at which the log breaks off although there is more after it. */
  gap: string | undefined
}

/** Throws TF_BACKUP_UNTIL for a moment that lies outside, TF_BACKUP_WAL_MISSING where it can only be after a gap. */
export async function planLog(
  storage: Storage,
  manifest: Manifest,
  until: string | undefined,
): Promise<LogPlan | undefined> {
  const { log } = manifest
  if (!log) {
    if (until === undefined) return undefined
    throw BackupUntil({ until, earliest: manifest.finishedAt, latest: manifest.finishedAt })
  }
  const histories = await listHistories(storage, log.system)
  if (until === undefined) return { segments: [], histories, target: undefined, gap: undefined }
  const known = await storedPosition(storage, log.system)
  const reach = { earliest: manifest.finishedAt, latest: known?.at ?? manifest.finishedAt }
  const moment = until === 'latest' ? undefined : Date.parse(timestampOf(until).replace(/([+-]\d\d)$/, '$1:00'))
  if (moment !== undefined && !(moment >= Date.parse(reach.earliest) && moment <= Date.parse(reach.latest)))
    throw BackupUntil({ until, ...reach })
  if (known === undefined) throw BackupUntil({ until, ...reach })
  const { segments, gap } = await chain(storage, log)
  if (gap !== undefined && moment === undefined)
    throw BackupWalMissing({ segment: gap, from: manifest.id, wanted: until })
  // The given text, not our number: it may be exact to the microsecond.
  const target = moment === undefined ? undefined : timestampOf(until)
  return { segments, histories, target, gap }
}

/** Postgres reads its configuration before it knows what `Z` means. Without a zone it is UTC. */
function timestampOf(iso: string): string {
  const local = iso.trim().replace(/^(\d{4}-\d\d-\d\d)T/i, '$1 ')
  if (/z$/i.test(local)) return local.replace(/z$/i, '+00')
  return /:\d\d(\.\d+)?[+-]\d\d(:?\d\d)?$/.test(local) ? local : `${local}+00`
}

async function chain(
  storage: Storage,
  { system, timeline, end, segmentBytes }: NonNullable<Manifest['log']>,
): Promise<Pick<LogPlan, 'segments' | 'gap'>> {
  const stored = await listSegments(storage, system)
  const prefix = segmentAt(timeline, 0n, segmentBytes).name.slice(0, 8)
  const last = [...stored.keys()]
    .filter((name) => name.startsWith(prefix))
    .sort()
    .at(-1)
  const segments: LogPlan['segments'] = []
  // The backup itself has the segment in which it ends, whole.
  for (let at = positionOf(end) - 1n + BigInt(segmentBytes); ; at += BigInt(segmentBytes)) {
    const { name } = segmentAt(timeline, at, segmentBytes)
    if (last === undefined || name > last) return { segments, gap: undefined }
    const segment = stored.get(name)
    if (!segment) return { segments, gap: name }
    segments.push({ name, ...segment })
    if (segment.bytes !== undefined && name < last) return { segments, gap: name }
  }
}

export async function storedPosition(storage: Storage, system: string): Promise<StoredPosition | undefined> {
  const key = `${logPrefix(system)}position.json`
  return (await storage.head(key)) ? readJson<StoredPosition>(storage, key) : undefined
}

async function listHistories(storage: Storage, system: string): Promise<LogPlan['histories']> {
  const found: LogPlan['histories'] = []
  for await (const { key } of filesUnder(storage, logPrefix(system))) {
    const [, name] = /\/([0-9A-F]{8}\.history)\.zst$/.exec(key) ?? []
    if (name !== undefined) found.push({ name, key })
  }
  return found
}

/** Segments that no kept backup needs: those before the oldest begins. */
export async function pruneLog(storage: Storage, kept: readonly Manifest[], systems: Iterable<string>): Promise<void> {
  for (const system of new Set(systems)) {
    const begins = kept
      .filter(({ log }) => log?.system === system)
      .map(({ log }) => segmentAt(log!.timeline, positionOf(log!.start), log!.segmentBytes).name.slice(8))
      .sort()
    for await (const { key } of filesUnder(storage, logPrefix(system))) {
      const { name } = segmentIn(key)
      if (name !== undefined && begins.length > 0 && name.slice(8) < begins[0]!) await storage.delete(key)
    }
  }
}
