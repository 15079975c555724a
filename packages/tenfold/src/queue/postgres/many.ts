/** Many events of one subscriber, in one job: when thousands wait, a row for each of them would be most of the work. Each event
 *  still has an id of its own, a run, a trace, a time limit and an outcome of its own. What goes on longer than the rest, or
 *  has failed, leaves the page and is from then on a job like any other, under the id that its handler was given:
 *
 *    page ──> one event after another, in one place of the worker ──> all done: one row of history
 *               ├─ failed, wants a step, or is slow ──────> a job of its own, still held by this worker
 *               └─ not begun after half a second, or at a shutdown ──> jobs of their own, for everybody
 *
 *  After half a second the page is over: what it has done is recorded, and the event that runs goes on as a job of its own.
 *
 *  A page whose worker died is not run again as a whole: all that may not have run become jobs. */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf, type TenfoldError } from '../../kernel/index.ts'
import type { EventDelivery, JobId, JobWork, SingleWork } from '../queue.ts'
import { startSingle, type Claimed, type Outcome, type Run, type RunTools } from './run.ts'

/** Above that of every handler: workers of releases that do not know pages leave them alone. */
export const PAGE_VERSION = 32_767

/** After so long the rest goes to whoever is free. */
const ALONE_MS = 500
const AGAIN_MS = 500
/** Kept of what the handlers gave. */
const MAX_RESULT = 16 * 1024

/** In the payload of a page: history has no column that would tell it from what a module has written. */
export const PAGE_MARK = 'tenfold:page'

export interface Page {
  events: (EventDelivery & { trace?: string })[]
  ids: number[]
  /** Places of those that have left. */
  out?: number[]
}

/** $1 to $3 the page's id, attempt and owner, $4 places, $5 which of them this worker keeps: makes jobs of their own of these
 *  events. Those that have left before stay as they are. */
const LEAVE = `
with page as (
  select * from tenfold.job where id = $1::bigint and attempt = $2::int and owner = $3::bigint for update
), leaving as (
  select o.place, o.mine from page, unnest($4::int[], $5::boolean[]) as o (place, mine)
  where not coalesce(page.payload -> 'out', '[]') @> to_jsonb(o.place)
), marked as (
  update tenfold.job j
    set payload = jsonb_set(page.payload, '{out}', coalesce(page.payload -> 'out', '[]') || (select coalesce(jsonb_agg(place), '[]') from leaving))
    from page where j.id = page.id
), made as (
  insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, attempt, lost, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                           owner, leased_at, traceparent, event_id, payload)
    select i.id::bigint, i.id::bigint, name, case when mine then 'leased' else 'ready' end, rank, run_at, created_at,
      case when mine then attempt else attempt - 1 end, lost, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
      case when mine then owner end, case when mine then leased_at end, e.event ->> 'trace', (e.event ->> 'eventId')::bigint, e.event - 'trace'
    from page
      cross join jsonb_array_elements(page.payload -> 'events') with ordinality as e (event, n)
      join jsonb_array_elements_text(page.payload -> 'ids') with ordinality as i (id, n) using (n)
      join leaving on leaving.place = n - 1
    returning seq, state
)
select (select count(*)::int from page) as held, count(*)::int as ready, min(seq)::float8 as low from made where state = 'ready'`

/** Those that run in this process. */
export type Pages = Set<{
  /** Makes the event that runs a job of its own if its id is among these. */
  letGo(ids: readonly JobId[]): Promise<void>
}>

export interface ManyParts {
  db: SystemDatabase
  tools: RunTools
  pages: Pages
  /** Events became jobs that anybody may claim. */
  onReady(name: string, count: number, low: number): void
  /** This event has become a job of its own, which runs here; the page is told what becomes of it. */
  onOwn(run: Run): void
  /** The same, and the page is over: from now on it is a run like any other. */
  onAlone(run: Run): void
  /** What became of one event. `own`: it is a job of its own, so this has to be reported. */
  onEnded(outcome: Outcome, own: boolean): void
}

export function isPage(job: Claimed): boolean {
  return job.more?.extra?.many !== undefined
}

export function startPage(job: Claimed, work: JobWork, parts: ManyParts): Run {
  return new PageRun(job, work, parts)
}

class PageRun implements Run {
  readonly job: Claimed
  readonly outcome: Promise<Outcome>
  progress: undefined
  readonly #parts: ManyParts
  readonly #page: Page
  readonly #out: Set<number>
  readonly #results: (string | null)[] = []
  readonly #began = performance.now()
  /** The event that runs goes on without the page. */
  readonly #alone = Promise.withResolvers<Outcome>()
  #current: Run | undefined
  #at = -1
  /** The last place whose run has ended. */
  #ended = -1
  /** The event that runs has been asked to leave. `undefined`: nobody knows whether it has. */
  #owning: Promise<boolean | undefined> | undefined
  /** The worker has been told that the event that runs is a job of its own, and interrupts it itself. */
  #isOwn = false
  #handedOver = false
  /** They ended, and have to leave so that this can be reported. */
  readonly #late = new Map<number, Outcome>()
  #interrupted = false
  #cancelled: string | undefined
  #over = false

  constructor(job: Claimed, work: JobWork, parts: ManyParts) {
    this.job = job
    this.#parts = parts
    this.#page = job.payload as Page
    this.#out = new Set(this.#page.out)
    this.#cancelled = job.more?.cancel ?? undefined
    this.outcome = Promise.race([this.#execute(work), this.#alone.promise])
    parts.pages.add(this)
    void this.outcome.finally(() => parts.pages.delete(this))
  }

  async letGo(ids: readonly JobId[]): Promise<void> {
    const at = this.#at
    if (ids.includes(String(this.#page.ids[at]))) await this.#own(at)
  }

  interrupt(reason: TenfoldError): void {
    this.#interrupted = true
    if (!this.#isOwn) this.#current?.interrupt(reason)
  }

  cancel(reason: string): void {
    if (this.#interrupted) return
    this.#cancelled ??= reason
    if (!this.#isOwn) this.#current?.cancel(reason)
  }

  holds(): string[] {
    return [this.#at, ...this.#late.keys()].flatMap((at) => this.#page.ids[at] ?? []).map(String)
  }

  async #execute(work: JobWork): Promise<Outcome> {
    const { job } = this
    // Some of it may have run under a worker that died; and only single events can leave a batch.
    const whole = job.attempt === 1 && !('batch' in work)
    const timer = whole ? setTimeout(() => void this.#hurry(), ALONE_MS) : undefined
    for (let at = 0; whole && at < this.#page.ids.length && !this.#stopped(); at++) {
      if (!this.#out.has(at)) await this.#settle(at, await this.#run(at, work as SingleWork))
    }
    clearTimeout(timer)
    // Before the page is done, all that is not has to have left it.
    const left = await this.#takeApart(this.#cancelled === undefined ? this.#unbegun() : [])
    if (!left) return { kind: 'returned', job, ms: this.#took() }
    if (this.#cancelled !== undefined) return { kind: 'cancelled', job, ms: this.#took(), message: this.#cancelled }
    return this.#done()
  }

  #done(): Outcome {
    return { kind: 'done', job: this.job, ms: this.#took(), result: this.#resultOf() }
  }

  #took(): number {
    return performance.now() - this.#began
  }

  #stopped(): boolean {
    return this.#interrupted || this.#over || this.#cancelled !== undefined
  }

  async #run(at: number, work: SingleWork): Promise<Outcome> {
    const { trace, ...payload } = this.#page.events[at]!
    const { tools } = this.#parts
    this.#at = at
    this.#isOwn = false
    const one = { ...this.job, id: String(this.#page.ids[at]), payload, traceparent: trace ?? null, more: null }
    const journalOf: RunTools['journalOf'] = (job) => {
      const journal = tools.journalOf(job)
      const load = async (): ReturnType<typeof journal.load> => {
        // Steps belong to a row. Whoever was given up on and goes on all the same has none.
        await this.#own(at)
        return journal.load()
      }
      return { ...journal, load }
    }
    this.#current = startSingle(one, work, { ...tools, journalOf })
    return this.#current.outcome
  }

  /** What became of one event, in the page or, if it has left, outside. */
  async #settle(at: number, outcome: Outcome): Promise<void> {
    if (this.#handedOver) return
    const asked = this.#owning
    this.#owning = undefined
    this.#ended = at
    if (this.#isOwn) {
      this.#parts.onEnded(outcome, true)
    } else if (asked) {
      const own = await asked.catch(() => undefined)
      // Where nobody knows whether it has left, it leaves now.
      if (own === undefined) this.#late.set(at, outcome)
      else if (own) this.#parts.onEnded(outcome, true)
      else this.#interrupted = true
    } else if (outcome.kind === 'done') {
      this.#results[at] = outcome.result
      this.#parts.onEnded(outcome, false)
    } else if (outcome.kind === 'returned') {
      // Interrupted, or nobody here can run it: so it is with all that have not begun.
      this.#at--
      this.#over = true
    } else if (outcome.kind !== 'cancelled') {
      this.#late.set(at, outcome)
    }
  }

  /** The event that runs just now becomes a job of its own. */
  async #own(at: number): Promise<void> {
    await Promise.resolve() // its handler may only just have been called
    if (this.#at !== at || this.#ended >= at) return
    const run = this.#current!
    const left = await (this.#owning ??= this.#leave([at], [at]))
    if (!left || this.#ended >= at || this.#isOwn) return
    this.#isOwn = true
    this.#parts.onOwn(run)
  }

  /** It takes longer than thought: what failed is reported, the rest is for others, and what runs goes on alone. */
  async #hurry(): Promise<void> {
    const at = this.#at
    const run = this.#current
    if (this.#stopped() || !run) return
    this.#over = true
    // Between two events: the page ends now.
    if (this.#ended >= at) return
    this.#owning = this.#takeApart(this.#unbegun(), [at])
    if (!(await this.#owning) || this.#ended >= at) return
    this.#isOwn = true
    this.#handedOver = true
    this.#parts.onAlone(run)
    this.#alone.resolve(this.#done())
  }

  #unbegun(): number[] {
    return this.#page.ids.flatMap((_, at) => (at > this.#at && !this.#out.has(at) ? [at] : []))
  }

  /** `others` leave, for everybody, and with this worker `mine` and those that ended so that they have to be reported. False if
   *  the lease is lost; undefined if the database is away at a shutdown. */
  async #takeApart(others: readonly number[], mine: readonly number[] = []): Promise<boolean | undefined> {
    const late = [...this.#late]
    const kept = [...mine, ...late.map(([at]) => at)]
    for (let tries = 0; kept.length + others.length > 0; tries++) {
      try {
        if (!(await this.#leave([...kept, ...others], kept))) return false
        break
      } catch (error) {
        if (this.#interrupted && tries >= 5) return undefined
        this.#parts.tools.telemetry.log.warn('A page of events could not be taken apart; trying again.', {
          job: this.job.name,
          reason: messageOf(error),
        })
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
      }
    }
    for (const [at, outcome] of late) if (this.#late.delete(at)) this.#parts.onEnded(outcome, true)
    return true
  }

  async #leave(places: readonly number[], mine: readonly number[]): Promise<boolean> {
    const { id, name, attempt, owner } = this.job
    const { rows } = await this.#parts.db.query<{ held: number; ready: number; low: number | null }>(LEAVE, [
      id,
      attempt,
      owner,
      places,
      places.map((place) => mine.includes(place)),
    ])
    const { held, ready, low } = rows[0]!
    if (held === 0) return false
    for (const place of places) this.#out.add(place)
    if (ready > 0) this.#parts.onReady(name, ready, low!)
    return true
  }

  #resultOf(): string | null {
    if (!this.#results.some((result) => result !== null && result !== undefined)) return null
    const json = `[${this.#page.ids.map((_, at) => this.#results[at] ?? 'null').join(',')}]`
    return json.length <= MAX_RESULT ? json : null
  }
}
