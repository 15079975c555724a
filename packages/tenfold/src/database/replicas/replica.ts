/** One replica as this process sees it: what it has replayed, how far it is behind, whether it can be used.
 *
 *    unknown ──(a poll that finds all in order)──> up ──(poll fails | connection lost | not one of ours)──> down
 *                                                   ^──────────(2 good polls in a row, with growing pauses)───┘
 *
 *  Polled every `POLL_MS` while it is used, more often while somebody waits for a position, not at all when nobody reads.
 *  What is known is therefore old by a moment, which is always on the safe side: a replica only moves forward. It moves
 *  back only when it restarts, and then its connections break or its polls fail, and what was known is forgotten. */
import pg from 'pg'
import { messageOf, type Clock } from '../../kernel/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import { clientConfig, type Connections } from '../connections.ts'
import { createLogin, type Login } from '../login.ts'
import type { Statements } from '../statements.ts'
import { ReplicaLost } from '../errors.ts'
import { lsnOf, type Position } from './position.ts'
import type { Primary } from './primary.ts'

const POLL_MS = 50
const POLL_WAITED_MS = 3
/** What was learned longer ago is not used. */
const FRESH_MS = 500
/** Without a read for so long, polling pauses. */
const IDLE_MS = 2000
const POLL_TIMEOUT_MS = 1000
const MAX_PAUSE_MS = 5000
/** Statements cancelled by recovery in so short a time mean that this replica is better left alone for a while. */
const CONFLICTS = 5
const CONFLICT_WINDOW_MS = 5000

/** After so long without another change, one server is at this address. */
const STEADY_MS = 60_000

const POLL = `select pg_is_in_recovery() as standby, pg_last_wal_replay_lsn()::text as replay,
  (select system_identifier::text from pg_control_system()) as cluster,
  exists (select from tenfold.history where id = $1) as follows,
  pg_postmaster_start_time()::text as started,
  (extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 as "replayedAgo"`

const NOT_YET = 'it does not follow the present primary (yet)'
const NOT_YET_MS = 1000
/** After a long pause the lag is learned anew, and not slowly forgotten. */
const LEARN_AT_MOST_MS = 1000

interface PollRow {
  standby: boolean
  replay: string | null
  cluster: string
  follows: boolean
  started: string
  replayedAgo: number | null
}

export type ReplicaState = 'unknown' | 'up' | 'down'

export interface ReplicaOptions {
  /** `replica-1` */
  name: string
  url: string
  credentials: (refused: number) => { user: string; password: string } | undefined
  /** How many passwords there are to try. */
  keys: number
  applicationName: string
  connections: Connections
  statements: Statements
  primary: Primary
  clock: Clock
  log: Logger
  /** A replica that is further behind is not used. */
  maxLagMs: number
}

interface Waiter {
  lsn: bigint
  end: (reached: boolean) => void
}

export class Replica {
  readonly name: string
  /** Host and port, without secrets. */
  readonly host: string
  state: ReplicaState = 'unknown'
  /** Why it is down. */
  reason: string | undefined
  /** Smoothed, in ms: how long it takes until a commit can be seen here. */
  lagMs = 0
  inFlight = 0
  readonly #options: ReplicaOptions
  readonly #waiters = new Set<Waiter>()
  readonly #running = new Set<(error: Error) => void>()
  #replay = 0n
  /** The place of the primary up to which the lag is learned. */
  #learned = 0n
  readonly #bornAt: number
  #polledAt = -Infinity
  #usedAt = -Infinity
  #client: pg.Client | undefined
  readonly #login: Login
  #polling: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #good = 0
  #conflicts: number[] = []
  #restUntil = -Infinity
  /** Start times of the servers that answered at this address. */
  #started: string[] = []
  #startedAt = -Infinity
  #closed = false

  constructor(options: ReplicaOptions) {
    this.#options = options
    this.#login = createLogin(options.keys)
    this.name = options.name
    this.host = new URL(options.url).host
    this.#bornAt = options.clock.elapsed()
  }

  /** Whether reads may go here at all, as far as is known now. */
  usable(now = this.#options.clock.elapsed()): boolean {
    const { primary, maxLagMs } = this.#options
    if (this.state !== 'up' || now < this.#restUntil || !this.#fresh(now)) return false
    return primary.behind(this.#replay) <= maxLagMs
  }

  /** Whether it is known to have everything up to `position`. */
  has(position: Position | undefined): boolean {
    return position === undefined || this.#replay >= position.lsn
  }

  /** How far behind it is now, at least, in ms. */
  get behindMs(): number {
    return this.#options.primary.behind(this.#replay)
  }

  /** Resolves when it can be used, or is known to be unusable, or after `withinMs`. */
  async ready(withinMs: number): Promise<void> {
    const { clock } = this.#options
    const until = clock.elapsed() + withinMs
    while (this.state === 'unknown' && clock.elapsed() < until) {
      await this.refresh(until - clock.elapsed())
      if (this.state === 'unknown') await clock.sleep(5)
    }
  }

  get replay(): bigint {
    return this.#replay
  }

  /** Says that somebody wants to read: polling goes on. Resolves when what is known is fresh, or cannot be had soon. */
  async refresh(withinMs: number): Promise<void> {
    this.wake()
    if (this.#fresh() || this.state === 'down') return
    await Promise.race([this.#poll(), this.#options.clock.sleep(withinMs)])
  }

  wake(now = this.#options.clock.elapsed()): void {
    this.#usedAt = now
    if (!this.#timer && !this.#polling && !this.#closed) this.#schedule(0)
  }

  /** Whether it gets to `position` within `ms`; false as soon as it is lost. */
  reaches(position: Position, ms: number): Promise<boolean> {
    const asked = this.#options.clock.elapsed()
    return new Promise((resolve) => {
      const end = (reached: boolean): void => {
        this.#waiters.delete(waiter)
        clearTimeout(timer)
        // A wait in vain says that the lag has grown: the next reader does not wait.
        if (reached) this.#learn(this.#options.clock.elapsed() - asked)
        else this.lagMs = Math.max(this.lagMs, 2 * ms)
        resolve(reached)
      }
      const waiter: Waiter = { lsn: position.lsn, end }
      const timer = setTimeout(() => end(false), ms)
      this.#waiters.add(waiter)
      if (!this.#polling) this.#schedule(0)
    })
  }

  /** Runs statements here; ends with TF_REPLICA_LOST at once when the replica is found to be gone. */
  async run<T>(fn: (statements: Statements) => Promise<T>): Promise<T> {
    let lose: (error: Error) => void
    this.inFlight++
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#running.add((lose = reject))
        fn(this.#options.statements).then(resolve, reject)
      })
    } finally {
      this.inFlight--
      this.#running.delete(lose!)
    }
  }

  /** A statement failed here. */
  failed(fault: Fault, error: unknown): void {
    if (fault === 'conflict') this.#conflicted()
    if (fault === 'connection') this.forget(messageOf(error))
  }

  /** What was known may be wrong: a connection broke, so the server may have restarted. */
  forget(reason: string): void {
    this.#polledAt = -Infinity
    this.#goDown(reason)
  }

  /** A new connection has to lead to the server that the polls have seen, and not to another one behind the same address, nor
   *  to one that has restarted since. */
  async check(client: pg.Client): Promise<void> {
    const { rows } = await client.query<{ started: string }>('select pg_postmaster_start_time()::text as started')
    const started = rows[0]!.started
    if (this.#started.length === 0 || this.#started.at(-1) === started) return
    this.forget('another server answered at its address')
    throw ReplicaLost({ replica: this.name, reason: 'another server answered at its address' })
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const { end } of this.#waiters) end(false)
    await this.#client?.end().catch(() => {})
    await this.#polling
    await this.#options.connections.close()
  }

  #fresh(now = this.#options.clock.elapsed()): boolean {
    return now - this.#polledAt < FRESH_MS
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#poll()
    }, ms)
    this.#timer.unref()
  }

  #poll(): Promise<void> {
    return (this.#polling ??= this.#pollOnce().finally(() => {
      this.#polling = undefined
      const idle = this.#options.clock.elapsed() - this.#usedAt > IDLE_MS
      if (this.#waiters.size > 0 && this.state === 'up') this.#schedule(POLL_WAITED_MS)
      else if (!idle) this.#schedule(Math.min(MAX_PAUSE_MS, POLL_MS * 2 ** this.#failures))
    }))
  }

  async #pollOnce(): Promise<void> {
    const { primary, clock } = this.#options
    if (this.#closed) return
    const history = primary.history
    if (history === undefined) return
    try {
      const client = await this.#connect()
      const { rows } = await client.query<PollRow>(POLL, [history])
      const row = rows[0]!
      const wrong = this.#wrongWith(row, history)
      // Its own start may have been signed a moment ago.
      if (wrong === NOT_YET && this.state === 'unknown' && clock.elapsed() - this.#bornAt < NOT_YET_MS) return
      if (wrong) return this.#goDown(wrong)
      const before = this.#polledAt
      this.#replay = lsnOf(row.replay!)
      this.#polledAt = clock.elapsed()
      this.#comeUp()
      this.#measure(before)
      for (const waiter of this.#waiters) if (this.#replay >= waiter.lsn) waiter.end(true)
    } catch (error) {
      void this.#client?.end().catch(() => {})
      this.#client = undefined
      this.#goDown(whyLost(error))
    }
  }

  async #connect(): Promise<pg.Client> {
    return (this.#client ??= await this.#login((refused) => this.#logIn(refused)))
  }

  async #logIn(refused: number): Promise<pg.Client> {
    const { url, credentials, applicationName } = this.#options
    const client = new pg.Client({
      ...clientConfig(url, credentials(refused), `${applicationName}/poll`),
      connectionTimeoutMillis: POLL_TIMEOUT_MS,
      query_timeout: POLL_TIMEOUT_MS,
    })
    const gone = (error?: Error): void => {
      if (this.#client !== client) return
      this.#client = undefined
      if (!this.#closed) this.forget(error ? messageOf(error) : 'the server closed the connection')
    }
    client.on('error', gone)
    client.on('end', () => gone())
    await client.connect()
    return client
  }

  #wrongWith(row: PollRow, history: string): string | undefined {
    const { primary, maxLagMs } = this.#options
    const cluster = history.slice(0, history.indexOf('.'))
    if (BigInt(row.cluster).toString(36) !== cluster) return 'it belongs to another cluster than DATABASE_URL'
    if (!row.standby) return 'it is not a replica: the server is not in recovery'
    if (row.replay === null) return 'it has replayed nothing yet'
    if (this.#shifts(row.started)) return 'several servers answer at this address: give each replica its own'
    if (!row.follows) return NOT_YET
    const behind = lsnOf(row.replay) < (primary.latest?.lsn ?? 0n)
    // As long as this process is young it has not seen for itself how old that place is.
    if (behind && primary.memory() < maxLagMs && (row.replayedAgo ?? Infinity) > maxLagMs && this.state !== 'up')
      return `it is ${Math.round((row.replayedAgo ?? Infinity) / 1000)} s behind`
    return undefined
  }

  /** Behind a balancer the polls reach one server and the reads another: what one has says nothing of the other. */
  #shifts(started: string): boolean {
    const now = this.#options.clock.elapsed()
    if (this.#started.at(-1) !== started) {
      this.#started = [...this.#started, started].slice(-5)
      this.#startedAt = now
    } else if (now - this.#startedAt > STEADY_MS) this.#started = [started]
    return new Set(this.#started).size < this.#started.length
  }

  /** Learns only from what the primary has newly written: an idle replica says nothing about its lag.
   *  @param before when the poll before this one was, which had not seen it */
  #measure(before: number): void {
    const { primary } = this.#options
    const { newest } = primary
    const behind = primary.behind(this.#replay)
    if (behind > 0) return this.#learn(behind)
    if (!newest || newest.lsn <= this.#learned) return
    this.#learned = newest.lsn
    this.#learn(Math.max(0, before - newest.elapsed))
  }

  /** Good news count for more: a replica that has caught up is used again within a few polls. */
  #learn(ms: number): void {
    const share = ms < this.lagMs ? 0.5 : 0.2
    this.lagMs += (Math.min(ms, LEARN_AT_MOST_MS) - this.lagMs) * share
  }

  #conflicted(): void {
    const now = this.#options.clock.elapsed()
    this.#conflicts = [...this.#conflicts.filter((at) => now - at < CONFLICT_WINDOW_MS), now]
    if (this.#conflicts.length < CONFLICTS) return
    this.#conflicts = []
    this.#restUntil = now + CONFLICT_WINDOW_MS
    this.#options.log.warn('A replica cancels reads for the sake of its replay; it rests.', { replica: this.name })
  }

  #comeUp(): void {
    this.#failures = 0
    if (this.state === 'up') return
    this.#good++
    if (this.state === 'down' && this.#good < 2) return
    if (this.state === 'down') this.#options.log.info('A replica is back.', { replica: this.name, host: this.host })
    this.state = 'up'
    this.reason = undefined
  }

  #goDown(reason: string): void {
    this.#good = 0
    this.#failures = Math.min(10, this.#failures + 1)
    for (const { end } of this.#waiters) end(false)
    if (this.state === 'down' && this.reason === reason) return
    if (!this.#closed)
      this.#options.log.warn('A replica is left out; its reads go to the primary.', {
        replica: this.name,
        host: this.host,
        reason,
      })
    this.state = 'down'
    this.reason = reason
    const error = ReplicaLost({ replica: this.name, reason })
    for (const lose of this.#running) lose(error)
  }
}

/** A replica has the roles of its primary, with their passwords. */
function whyLost(error: unknown): string {
  const { code } = error as { code?: string }
  const stranger = code === '28P01' || code === '28000'
  return stranger ? `${messageOf(error)}: is it a replica of DATABASE_URL's server?` : messageOf(error)
}

/** Why a statement failed on a replica and may succeed on the primary; undefined if the statement itself is to blame. */
export type Fault =
  /** The server or the way to it. */
  | 'connection'
  /** All connections to it are in use. */
  | 'busy'
  /** Cancelled, because replay had to remove what it was reading. */
  | 'conflict'
  /** It writes: it should never have come here. */
  | 'write'
  /** A table, column or right is not there: it may be so new that it has not been replayed. */
  | 'missing'

export function faultOf(error: unknown): Fault | undefined {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  if (code === 'TF_POOL_EXHAUSTED') return 'busy'
  if (['TF_DATABASE_UNREACHABLE', 'TF_DATABASE_LOST', 'TF_DATABASE_FULL', 'TF_REPLICA_LOST'].includes(code))
    return 'connection'
  if (code === '40001' || code === '40P01') return 'conflict'
  if (code === '25006') return 'write'
  if (/^(42(?!601)|3F)/.test(code)) return 'missing'
  if (/^(08|57P|53|58)/.test(code) || /^E[A-Z]+$/.test(code)) return 'connection'
  if (
    !code &&
    /^(Connection terminated|Client was closed|Client has encountered|Query read timeout|timeout)/.test(message)
  )
    return 'connection'
  return undefined
}
