/** The server's log, stored as it is written, so that a base backup can be carried forward to any moment.
 *
 *    waiting ──[nobody else streams from the slot]──> streaming ──[segment full]──> stored, told to the server
 *       ^                                                │  └──[every everyMs]──> the unfinished segment stored as well
 *       └──────────[connection lost | server gone]───────┘
 *
 *  The server decides whose turn it is: a replication slot has one reader at a time. It keeps all log from the position that
 *  we have told it, and we tell it only what is stored; so nothing goes missing while nobody streams. An unfinished segment
 *  is stored under its length: a reader that was cut off long ago can never put a shorter one over a longer one.
 *
 *    log/<system>/00000001000000000000002A.zst            a whole segment
 *    log/<system>/00000001000000000000002A.00004d20.zst   its first 0x4d20 bytes
 *    log/<system>/position.json                           how far it is stored, and when that was, by the server's clock */
import type pg from 'pg'
import { messageOf, systemClock, type Service } from '../kernel/index.ts'
import type { Storage } from '../storage/index.ts'
import type { ArchiveOptions } from './backup.ts'
import { filesUnder, logPrefix, putCompressed, putJson } from './catalog.ts'
import { bytesOf, lsnOf, positionOf, replicate, segmentAt, type Replication } from './replication.ts'
import { withClient } from './tables.ts'

export interface StoredPosition {
  position: string
  /** ISO 8601, the server's clock: all that was committed before is stored. */
  at: string
}

export interface ArchiveParts extends ArchiveOptions {
  url: string
  slot: string
  storage: Storage
  log: { info(message: string, fields?: object): void; warn(message: string, fields?: object): void }
}

export function createArchive({ url, slot, storage, log, everyMs = 10_000 }: ArchiveParts): Service {
  const stopping = new AbortController()
  let loop: Promise<void> | undefined

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await streamLog({ url, slot, storage, log, everyMs }, stopping.signal)
      } catch (error) {
        const waits = (error as { code?: string }).code === OBJECT_IN_USE
        if (!waits && !stopping.signal.aborted)
          log.warn('The log cannot be archived; trying again.', { reason: messageOf(error) })
      }
      await systemClock.sleep(Math.min(everyMs, 5000), stopping.signal)
    }
  }
  return {
    name: 'log archive',
    start: async () => void (loop = run()),
    stop: async () => {
      stopping.abort()
      await loop
    },
  }
}

const OBJECT_IN_USE = '55006'
const EXISTS = '42710'

async function streamLog(parts: Required<ArchiveParts>, signal: AbortSignal): Promise<void> {
  const connection = await replicate(parts.url, 'tenfold/archive')
  try {
    const [identity] = (await connection.ask('IDENTIFY_SYSTEM'))[0]!
    const timeline = Number(identity!.timeline)
    const segmentBytes = bytesOf((await connection.ask('SHOW wal_segment_size'))[0]![0]!.wal_segment_size!)
    const from = await slotPosition(connection, parts, identity!.xlogpos!)
    const { begin } = segmentAt(timeline, from, segmentBytes)
    if (timeline > 1) await storeHistory(connection, parts.storage, identity!.systemid!, timeline)
    const store = createStore(parts.storage, identity!.systemid!, timeline, segmentBytes, begin)
    await withClient(parts.url, (client) => {
      return receive(connection, store, { ...parts, timeline, mark: () => markOf(client) }, signal)
    })
  } finally {
    await connection.close()
  }
}

/** All that was committed before `at` lies before `position` in the log. */
interface Mark {
  position: bigint
  at: string
}

/** The messages of a replication stream tell a time, but not whether more was waiting to be sent: the server is asked. */
async function markOf(client: pg.Client): Promise<Mark> {
  const { rows } = await client.query<{ at: Date; lsn: string }>(
    'select clock_timestamp() as at, pg_current_wal_insert_lsn()::text as lsn',
  )
  const next = positionOf(rows[0]!.lsn)
  // Past the header of a page that is not begun yet: the log ends before it.
  const into = next % PAGE
  return { position: into <= HEADER ? next - into : next, at: rows[0]!.at.toISOString() }
}

const PAGE = 8192n
const HEADER = 40n

/** What a timeline began with: whoever restores must not give its number to another one. */
async function storeHistory(
  connection: Replication,
  storage: Storage,
  system: string,
  timeline: number,
): Promise<void> {
  const [row] = (await connection.ask(`TIMELINE_HISTORY ${timeline}`))[0]!
  await putCompressed(storage, `${logPrefix(system)}${row!.filename!}.zst`, once(Buffer.from(row!.content!)))
}

/** Where to go on: the slot's own position. A slot that the server has given up (too far behind) is made anew. */
async function slotPosition(connection: Replication, { slot, log }: ArchiveParts, now: string): Promise<bigint> {
  await connection.ask(`CREATE_REPLICATION_SLOT "${slot}" PHYSICAL RESERVE_WAL`).then(
    () => log.info('The log is archived from here on.', { slot }),
    (error: { code?: string }) => {
      if (error.code !== EXISTS) throw error
    },
  )
  const [row] = (await connection.ask(`READ_REPLICATION_SLOT "${slot}"`))[0]!
  if (row?.restart_lsn) return positionOf(row.restart_lsn)
  log.warn('The server has given up the log that was not archived yet: a new base backup is needed.', { slot })
  await connection.ask(`DROP_REPLICATION_SLOT "${slot}"`)
  await connection.ask(`CREATE_REPLICATION_SLOT "${slot}" PHYSICAL RESERVE_WAL`)
  return positionOf((await connection.ask(`READ_REPLICATION_SLOT "${slot}"`))[0]![0]!.restart_lsn ?? now)
}

interface SegmentStore {
  /** Bytes that follow those before. */
  add(bytes: Buffer): void
  readonly position: bigint
  readonly full: boolean
  /** Stores what came in since the last time. Returns the position up to which all is stored. */
  flush(at: string | undefined): Promise<bigint>
}

function createStore(
  storage: Storage,
  system: string,
  timeline: number,
  segmentBytes: number,
  begin: bigint,
): SegmentStore {
  let received: Buffer[] = []
  let receivedBytes = 0n
  let start = begin
  let stored = begin
  let partial: string | undefined
  const position = (): bigint => start + receivedBytes
  const keyOf = (length?: number): string => {
    const { name } = segmentAt(timeline, start, segmentBytes)
    return `${logPrefix(system)}${name}${length === undefined ? '' : `.${length.toString(16).padStart(8, '0')}`}.zst`
  }
  return {
    get position() {
      return position()
    },
    get full() {
      return receivedBytes >= BigInt(segmentBytes)
    },
    add(bytes) {
      received.push(bytes)
      receivedBytes += BigInt(bytes.length)
    },
    async flush(at) {
      if (position() > stored) {
        const all = received.length === 1 ? received[0]! : Buffer.concat(received)
        const whole = all.length >= segmentBytes
        const key = keyOf(whole ? undefined : all.length)
        await putCompressed(storage, key, once(whole ? all.subarray(0, segmentBytes) : all))
        const before = partial
        partial = whole ? undefined : key
        stored = start + BigInt(whole ? segmentBytes : all.length)
        if (whole) {
          const rest = all.subarray(segmentBytes)
          start += BigInt(segmentBytes)
          received = rest.length > 0 ? [rest] : []
          receivedBytes = BigInt(rest.length)
        } else {
          received = [all]
        }
        if (before !== undefined && before !== key) await storage.delete(before)
      }
      if (at !== undefined) {
        const known: StoredPosition = { position: lsnOf(stored), at }
        await putJson(storage, `${logPrefix(system)}position.json`, known)
      }
      return stored
    },
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1 << 20) yield bytes.subarray(at, at + (1 << 20))
}

/** Storing is one thing at a time: the stream stands still for so long, which is the back-pressure. */
async function receive(
  connection: Replication,
  store: SegmentStore,
  { slot, everyMs, timeline, mark: askMark }: Required<ArchiveParts> & { timeline: number; mark: () => Promise<Mark> },
  signal: AbortSignal,
): Promise<void> {
  let asked = false
  let failure: unknown
  let waiting: Buffer[] = []
  let paused = false

  const take = (message: Buffer): void => {
    if (message[0] === LOG) {
      if (message.readBigUInt64BE(1) !== store.position)
        throw new Error(
          `the server went on at ${lsnOf(message.readBigUInt64BE(1))} instead of ${lsnOf(store.position)}`,
        )
      store.add(message.subarray(25))
    } else if (message[0] === ALIVE) {
      asked ||= message[17] === 1
    }
  }
  const stream = connection
    .stream(`START_REPLICATION SLOT "${slot}" PHYSICAL ${lsnOf(store.position)} TIMELINE ${timeline}`, (message) => {
      waiting.push(message)
      paused = store.full || waiting.length > 64
      return !paused
    })
    .then(
      () => (failure ??= new Error('the server ended the stream')),
      (error: unknown) => (failure ??= error),
    )

  let mark = await askMark()
  let stored = store.position
  let flushedAt = systemClock.elapsed()
  let repliedAt = -Infinity
  try {
    while (failure === undefined && !signal.aborted) {
      const messages = waiting
      waiting = []
      for (const message of messages) {
        take(message)
        if (store.full) stored = await store.flush(undefined)
      }
      if (paused) {
        paused = false
        connection.resume()
      }
      const due = systemClock.elapsed() - flushedAt >= everyMs
      if (due) {
        const reached = store.position >= mark.position
        stored = await store.flush(reached ? mark.at : undefined)
        if (reached) mark = await askMark()
        flushedAt = systemClock.elapsed()
      }
      if (due || asked || systemClock.elapsed() - repliedAt > 5000) {
        connection.send(statusOf(store.position, stored))
        asked = false
        repliedAt = systemClock.elapsed()
      }
      if (waiting.length === 0) await systemClock.sleep(Math.min(everyMs, 50), signal)
    }
    if (failure === undefined) {
      stored = await store.flush(store.position >= mark.position ? mark.at : undefined)
      connection.send(statusOf(store.position, stored))
      connection.finish()
      await Promise.race([stream, systemClock.sleep(1000)])
    }
  } finally {
    failure ??= new Error('stopped')
  }
  if (!signal.aborted) throw failure
}

const LOG = 0x77
const ALIVE = 0x6b
const EPOCH_2000 = Date.UTC(2000, 0, 1)

/** `r`: received, stored, replayed, our clock; no answer is wanted. */
function statusOf(received: bigint, stored: bigint): Buffer {
  const message = Buffer.alloc(34)
  message.write('r')
  message.writeBigUInt64BE(received, 1)
  message.writeBigUInt64BE(stored, 9)
  message.writeBigUInt64BE(stored, 17)
  message.writeBigInt64BE(BigInt(Date.now() - EPOCH_2000) * 1000n, 25)
  return message
}

/** Everything that is stored of a server's log. */
export async function listSegments(
  storage: Storage,
  system: string,
): Promise<Map<string, { key: string; bytes?: number }>> {
  const segments = new Map<string, { key: string; bytes?: number }>()
  for await (const { key } of filesUnder(storage, logPrefix(system))) {
    const { name, length } = segmentIn(key)
    if (name === undefined) continue
    if (length === undefined) {
      segments.set(name, { key })
      continue
    }
    const bytes = Number.parseInt(length, 16)
    const other = segments.get(name)
    // A whole one beats every part, a longer part a shorter one.
    if (!other || (other.bytes !== undefined && other.bytes < bytes)) segments.set(name, { key, bytes })
  }
  return segments
}

/** Of one segment there may be several files for a while: parts of it, and the whole. */
export function segmentIn(key: string): { name?: string | undefined; length?: string | undefined } {
  const [, name, length] = /\/([0-9A-F]{24})(?:\.([0-9a-f]{8}))?\.zst$/.exec(key) ?? []
  return { name, length }
}
