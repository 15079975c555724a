/** What this process knows of the primary: where it is now, and when it was where. */
import { messageOf, type Clock } from '../../kernel/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Connection, Connections } from '../connections.ts'
import { exchange } from '../exchange.ts'
import { createShapes } from '../shapes.ts'
import { historyOf, lsnOf, type Position } from './position.ts'

/** Read after a commit, so it is past that commit. Where commits do not wait for the disk, what was flushed says too little.
 *  The timeline is that of the file that is being written. */
const HERE = `case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn()
  else pg_current_wal_flush_lsn() end::text as lsn,
  left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) as timeline,
  (extract(epoch from clock_timestamp()) * 1000)::float8 as at`
const PROBE = `select ${HERE}`
/** The system identifier is read from a file: not with every probe. */
const LOOK = `select ${HERE}, (select system_identifier::text from pg_control_system()) as cluster`
/** One message, one answer: no round trip more than COMMIT alone, also through a pooler in transaction mode. */
export const COMMIT_AND_PROBE = `commit; ${PROBE}`

export interface PositionRow {
  lsn: string
  timeline: string
  at: number
}

interface Sample {
  lsn: bigint
  elapsed: number
}

const SAMPLE_EVERY_MS = 20
const SAMPLES_MS = 70_000

export interface PrimaryOptions {
  connections: Connections
  /** The role of the platform's own tables. */
  role: string
  clock: Clock
  log: Logger
}

export class Primary {
  /** Of the last look; undefined before the first. */
  history: string | undefined
  latest: Position | undefined
  /** When we last heard of it, by our own clock. */
  heardAt = -Infinity
  readonly #options: PrimaryOptions
  readonly #shapeOf = createShapes()
  readonly #samples: Sample[] = []
  #cluster: string | undefined
  /** The primary's clock minus our monotonic one. */
  #offset: number | undefined
  #running: Promise<Position> | undefined
  #next: Promise<Position> | undefined

  constructor(options: PrimaryOptions) {
    this.#options = options
  }

  /** A position that was read after this call: whatever had been committed before it is included. All who ask while one
   *  probe is under way share the next one. */
  now(): Promise<Position> {
    if (this.#next) return this.#next
    const begin = (): Promise<Position> => {
      this.#next = undefined
      const probe = this.#probe()
      this.#running = probe
      const ended = (): void => void (this.#running === probe && (this.#running = undefined))
      probe.then(ended, ended)
      return probe
    }
    if (!this.#running) return begin()
    this.#next = this.#running.then(begin, begin)
    return this.#next
  }

  /** What a probe that came along with a commit has answered. */
  take(row: PositionRow): Position {
    if (this.#cluster === undefined) throw new TypeError('The primary has not been looked at yet.')
    const position = { history: historyOf(this.#cluster, row.timeline), lsn: lsnOf(row.lsn), at: row.at }
    this.#note(position)
    return position
  }

  get known(): boolean {
    return this.#cluster !== undefined
  }

  /** Looks where the primary is, and whether it still is the same one. */
  async look(): Promise<Position> {
    const row = await this.#ask<PositionRow & { cluster: string }>(LOOK)
    this.#cluster = row.cluster
    const before = this.history
    const position = this.take(row)
    this.history = position.history
    if (before !== this.history) await this.#sign(before)
    return position
  }

  /** For how long the primary has been past this place, at least, in ms; 0 if it is not known to be. */
  behind(lsn: bigint): number {
    const samples = this.#samples
    if (samples.length === 0 || lsn >= samples.at(-1)!.lsn) return 0
    let low = 0
    let high = samples.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (samples[middle]!.lsn > lsn) high = middle
      else low = middle + 1
    }
    return low === samples.length ? 0 : this.#options.clock.elapsed() - samples[low]!.elapsed
  }

  /** The last place that it was seen at first, and when; undefined before the first. */
  get newest(): Readonly<Sample> | undefined {
    return this.#samples.at(-1)
  }

  /** The time by the primary's clock, in ms since 1970: the one that all instances have in common. */
  time(): number {
    return this.#offset === undefined ? this.#options.clock.now() : this.#options.clock.elapsed() + this.#offset
  }

  /** How far back `behind` can see, in ms. */
  memory(): number {
    return this.#samples.length === 0 ? 0 : this.#options.clock.elapsed() - this.#samples[0]!.elapsed
  }

  async #probe(): Promise<Position> {
    if (this.#cluster === undefined) return this.look()
    return this.take(await this.#ask<PositionRow>(PROBE))
  }

  #note(position: Position): void {
    const elapsed = this.#options.clock.elapsed()
    this.heardAt = elapsed
    this.#offset = position.at - elapsed
    if (this.latest?.history !== position.history) this.#samples.length = 0
    else if (position.lsn <= this.latest.lsn) return
    this.latest = position
    const last = this.#samples.at(-1)
    if (last && elapsed - last.elapsed < SAMPLE_EVERY_MS) return
    if (last?.lsn === position.lsn) return
    this.#samples.push({ lsn: position.lsn, elapsed })
    if (elapsed - this.#samples[0]!.elapsed > 2 * SAMPLES_MS) {
      const keep = this.#samples.findIndex((sample) => elapsed - sample.elapsed <= SAMPLES_MS)
      this.#samples.splice(0, Math.max(0, keep))
    }
  }

  /** A row that only servers of this very history can have: a replica shows it, or it follows another one. */
  async #sign(before: string | undefined): Promise<void> {
    const history = this.history!
    if (before !== undefined) this.#options.log.warn('The database has a new primary.', { before, history })
    try {
      await this.#ask('insert into tenfold.history (id) values ($1) on conflict do nothing', [history])
    } catch (error) {
      this.history = before // tried again with the next look
      throw error
    }
  }

  async #ask<Row>(text: string, values: unknown[] = []): Promise<Row> {
    const { connections, role } = this.#options
    let connection: Connection | undefined
    try {
      connection = await connections.acquire(role)
      const result = await exchange(connection.wire, connection.types, this.#shapeOf(text), values)
      return result.rows[0] as Row
    } catch (error) {
      // 55000: a server in recovery has no position to write at. The address may lead to the new primary by now.
      if (connection && (connection.wire.lost || (error as { code?: string }).code === '55000'))
        connection.usable = false
      this.#options.log.debug('The position of the primary cannot be read.', { reason: messageOf(error) })
      throw error
    } finally {
      if (connection) connections.release(connection)
    }
  }
}
