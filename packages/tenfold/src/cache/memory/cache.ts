import type { Positions, ReadAt } from '../../database/index.ts'
import { toMs, messageOf } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Histogram, Telemetry } from '../../telemetry/index.ts'
import type { Cache, CacheOptions, CacheStats, InvalidateOptions } from '../cache.ts'
import type { Change } from '../change.ts'
import type { Got, Kept, SharedValues } from '../shared/values.ts'
import { Batch } from './batch.ts'
import { Flight, bounded } from './flight.ts'
import type { Floor } from './floor.ts'
import { fingerprint } from './ghosts.ts'
import { textOf } from './keys.ts'
import { Entry } from './store.ts'
import type { EntryStore, Home } from './store.ts'
import { weigh } from './weigh.ts'

/** What a cache shares with the others of its app. */
export interface Shared {
  store: EntryStore
  clock: Clock
  telemetry: Telemetry
  loadSeconds: Histogram
  closed: AbortSignal
  /** Tells the other instances; see `Cache.invalidate` for what the promise means. */
  tell(change: Change): Promise<void>
  /** The longest that an entry may count as fresh just now: finite while invalidations cannot be received (C6). */
  longestTtl(): number
  /** Where values may come from replicas. */
  positions: Positions | undefined
  floor: Floor
  /** What all instances share. */
  values: SharedValues | undefined
  /** Whether a cache that does not say so shares its values. */
  sharedByDefault: boolean
}

/** How long a failed refresh waits before the next caller may try again. */
const REFRESH_AGAIN_MS = 1000
/** What an entry costs besides its value: the objects around it and its place in the index. */
const ENTRY_BYTES = 200

export class MemoryCache<Key, Value> implements Cache<Key, Value>, Home {
  readonly name: string
  readonly seed: number
  readonly #options: CacheOptions<Key, Value>
  readonly #shared: Shared
  readonly #clock: Clock
  readonly #ttl: number
  readonly #staleFor: number
  readonly #missingTtl: number
  readonly #jitter: number
  readonly #loadTimeout: number
  #values: SharedValues | undefined
  readonly #entries = new Map<string, Entry>()
  readonly #tagged = new Map<string, Set<Entry>>()
  /** The loads that new callers join. */
  readonly #flights = new Map<string, Flight<Value>>()
  /** Loads that were under way when a tag was invalidated: nobody joins them any more. */
  readonly #detached = new Set<Flight<Value>>()
  readonly #stats = {
    hits: 0,
    staleHits: 0,
    misses: 0,
    sharedHits: 0,
    loads: 0,
    loadErrors: 0,
    loadMs: 0,
    evictions: 0,
    invalidations: 0,
  }
  #bytes = 0

  constructor(options: CacheOptions<Key, Value>, shared: Shared) {
    this.name = options.name
    this.seed = fingerprint(0, options.name)
    this.#options = options
    this.#shared = shared
    this.#clock = shared.clock
    this.#ttl = toMs(options.ttl)
    this.#staleFor = toMs(options.staleFor ?? 0)
    this.#missingTtl = toMs(options.missingTtl ?? 0)
    this.#jitter = options.jitter ?? 0.1
    this.#loadTimeout = toMs(options.loadTimeout ?? '30s')
    this.#values = (options.shared ?? shared.sharedByDefault) ? shared.values : undefined
  }

  get(key: Key): Promise<Value> {
    return this.#get(key, undefined)
  }

  getMany(keys: readonly Key[]): Promise<Value[]> {
    const { loadMany } = this.#options
    const batch = loadMany && new Batch<Key, Value>((missing, signal) => loadMany(missing, signal))
    return Promise.all(keys.map((key) => this.#get(key, batch)))
  }

  // Not an async function: a hit then costs one resolved promise and nothing else.
  #get(key: Key, batch: Batch<Key, Value> | undefined): Promise<Value> {
    let text: string
    try {
      text = this.#textOf(key)
    } catch (error) {
      return Promise.reject(error)
    }
    const entry = this.#entries.get(text)
    if (entry !== undefined) {
      const now = this.#clock.elapsed()
      const lacking = this.#lacks(entry.readAt)
      if (now < entry.freshUntil && !lacking) {
        this.#stats.hits++
        if (entry.uses < 3) entry.uses++
        if (now >= entry.earlyFrom) this.#maybeEarly(entry, key, now)
        return Promise.resolve(entry.value as Value)
      }
      if (now < entry.staleUntil && !lacking) return Promise.resolve(this.#stale(entry, key))
      this.#drop(entry)
    }
    this.#stats.misses++
    const flight = this.#flights.get(text)
    if (!flight) return this.#load(new Flight(text), key, batch)
    return this.#shared.positions ? this.#join(flight, key) : flight.promise
  }

  peek(key: Key): Value | undefined {
    const entry = this.#entries.get(this.#textOf(key))
    if (entry === undefined || this.#clock.elapsed() >= entry.freshUntil || this.#lacks(entry.readAt)) return undefined
    this.#stats.hits++
    if (entry.uses < 3) entry.uses++
    return entry.value as Value
  }

  set(key: Key, value: Value, options: InvalidateOptions = {}): Promise<void> {
    const text = this.#textOf(key)
    return this.#once(options, { cache: this.name, key: text }, () => {
      const got: Got<Value> = { value, readAt: undefined, loadMs: 0, shared: false, ...this.#lifeOf(value) }
      const kept = this.#kept(key, got)
      if (kept) void this.#values?.set(this.name, text, value, kept)
      this.#keep(text, key, got, this.#weigh(value), undefined)
    })
  }

  invalidate(key: Key, options: InvalidateOptions = {}): Promise<void> {
    return this.#once(options, { cache: this.name, key: this.#textOf(key) })
  }

  invalidateTag(tag: string, options: InvalidateOptions = {}): Promise<void> {
    return this.#once(options, { cache: this.name, tag: textOf(this.name, tag) })
  }

  clear(options: InvalidateOptions = {}): Promise<void> {
    return this.#once(options, { cache: this.name })
  }

  stats(): CacheStats {
    const { hits, sharedHits, loads, loadMs } = this.#stats
    const savedMs = loads === 0 ? 0 : ((hits + sharedHits) * loadMs) / loads
    return { entries: this.#entries.size, bytes: this.#bytes, ...this.#stats, savedMs }
  }

  /** Forgets, here only, what a change makes out of date. */
  apply(change: Change): void {
    if (change.key !== undefined) this.#forgetKey(change.key)
    else if (change.tag !== undefined) this.#forgetTag(change.tag)
    else this.#forgetAll()
  }

  evicted(entry: Entry): void {
    this.#unlist(entry)
    this.#stats.evictions++
  }

  /** Whether a value from a replica lacks what the present reader has written before it was loaded (C11). */
  #lacks(readAt: ReadAt | undefined): boolean {
    return readAt !== undefined && this.#shared.positions!.misses(readAt)
  }

  /** Whoever began this load may not have had to see as much as the present reader. */
  async #join(flight: Flight<Value>, key: Key): Promise<Value> {
    const value = await flight.promise
    return this.#lacks(flight.readAt) ? this.get(key) : value
  }

  #textOf(key: Key): string {
    if (this.#options.key) return textOf(this.name, this.#options.key(key))
    return textOf(this.name, key)
  }

  #once({ tx }: InvalidateOptions, change: Change, andThen?: () => void): Promise<void> {
    const now = (): Promise<void> => {
      this.apply(change)
      const told = this.#shared.tell(change)
      andThen?.()
      return told
    }
    if (!tx) return now()
    tx.afterCommit(() => void now())
    return Promise.resolve()
  }

  #stale(entry: Entry, key: Key): Value {
    this.#stats.hits++
    this.#stats.staleHits++
    if (entry.uses < 3) entry.uses++
    if (!this.#flights.has(entry.key)) this.#refresh(entry, key, 0)
    return entry.value as Value
  }

  #maybeEarly(entry: Entry, key: Key, now: number): void {
    if (this.#flights.has(entry.key) || !entry.isEarly(now)) return
    entry.earlyFrom = entry.freshUntil
    this.#refresh(entry, key, entry.freshUntil - now)
  }

  /** A load that nobody waits for: a task of its own, since the request that noticed will have ended. */
  #refresh(entry: Entry, key: Key, freshForMs: number): void {
    const { telemetry } = this.#shared
    const asTask = (load: () => Promise<Value>): Promise<Value> =>
      telemetry.root({ kind: 'task', name: `refresh ${this.name}` }, load)
    this.#load(new Flight(entry.key, freshForMs), key, undefined, asTask).catch((error: unknown) => {
      entry.freshUntil = Math.min(this.#clock.elapsed() + REFRESH_AGAIN_MS, entry.staleUntil)
      telemetry.log.warn('A cached value could not be refreshed; the old one is used.', {
        cache: this.name,
        error: messageOf(error),
      })
    })
  }

  #load(
    flight: Flight<Value>,
    key: Key,
    batch: Batch<Key, Value> | undefined,
    run = (load: () => Promise<Value>) => load(),
  ): Promise<Value> {
    this.#flights.set(flight.text, flight)
    flight.promise = run(() => this.#fly(flight, key, batch))
    return flight.promise
  }

  async #fly(flight: Flight<Value>, key: Key, batch: Batch<Key, Value> | undefined): Promise<Value> {
    try {
      const load = (forAll: boolean): Promise<Got<Value>> => this.#loadHere(key, batch, forAll)
      const got = await (this.#values ? this.#throughShared(this.#values, flight, key, load) : load(false))
      flight.readAt = got.readAt
      if (got.shared) this.#stats.sharedHits++
      const bytes = this.#weigh(got.value)
      if (this.#mayKeep(flight)) this.#keep(flight.text, key, got, bytes, flight.tags)
      return got.value
    } finally {
      if (this.#flights.get(flight.text) === flight) this.#flights.delete(flight.text)
      else this.#detached.delete(flight)
    }
  }

  #throughShared(
    values: SharedValues,
    { text, freshForMs }: Flight<Value>,
    key: Key,
    load: (forAll: boolean) => Promise<Got<Value>>,
  ): Promise<Got<Value>> {
    return values.get<Value>({
      cache: this.name,
      key: text,
      freshForMs,
      orStale: this.#staleFor > 0 && !this.#entries.has(text),
      version: this.#options.version ?? '',
      clockOffset: this.#clock.now() - this.#clock.elapsed(),
      giveUpAfterMs: this.#loadTimeout || Infinity,
      lacks: (readAt) => this.#lacks(readAt),
      load,
      kept: (got) => this.#kept(key, got),
    })
  }

  /** @param forAll whether other instances will get the value: then it has to know what they know */
  async #loadHere(key: Key, batch: Batch<Key, Value> | undefined, forAll: boolean): Promise<Got<Value>> {
    const { telemetry, clock, closed, loadSeconds, positions, floor } = this.#shared
    const limits = { cache: this.name, ms: this.#loadTimeout, clock, closed }
    const startedAt = clock.elapsed()
    this.#stats.loads++
    try {
      if (forAll) positions?.acceptNow()
      else floor.demand()
      const load = (): Promise<Value> =>
        telemetry.span('cache', this.name, { 'cache.name': this.name }, () =>
          bounded((signal) => (batch ? batch.load(key, signal) : this.#options.load(key, signal)), limits),
        )
      const { value, readAt } = positions ? await positions.reading(load) : { value: await load(), readAt: undefined }
      return { value, readAt, loadMs: clock.elapsed() - startedAt, shared: false, ...this.#lifeOf(value) }
    } catch (error) {
      this.#stats.loadErrors++
      throw error
    } finally {
      const ms = clock.elapsed() - startedAt
      this.#stats.loadMs += ms
      loadSeconds.record(ms / 1000, { cache: this.name })
    }
  }

  #mayKeep(flight: Flight<Value>): boolean {
    if (flight.outdated) return false
    const overtaken = this.#flights.has(flight.text) || this.#entries.has(flight.text)
    return !(this.#detached.has(flight) && overtaken)
  }

  #weigh(value: Value): number {
    return weigh(value, this.#options.freeze ?? true)
  }

  /** How long a value that is here now may be used. */
  #lifeOf(value: Value): Pick<Got<Value>, 'freshUntil' | 'goneAt'> {
    const missing = value === undefined || value === null
    const freshUntil =
      this.#clock.elapsed() + (missing ? this.#missingTtl : this.#ttl * (1 - this.#jitter * Math.random()))
    return { freshUntil, goneAt: freshUntil + (missing ? 0 : this.#staleFor) }
  }

  #tagsOf(value: Value, key: Key): string[] {
    if (value === undefined || value === null) return []
    return this.#options.tags?.(value, key).map((tag) => textOf(this.name, tag)) ?? []
  }

  /** How other instances may keep it; undefined for not at all. */
  #kept(key: Key, { value, freshUntil, goneAt }: Got<Value>): Kept | undefined {
    const freshForMs = freshUntil - this.#clock.elapsed()
    if (freshForMs <= 0) return undefined
    return {
      freshForMs,
      staleForMs: goneAt - freshUntil,
      tags: this.#tagsOf(value, key),
      version: this.#options.version ?? '',
      onOdd: (reason) => {
        this.#values = undefined
        this.#shared.telemetry.log.warn('Values of a cache cannot be shared between instances; each loads its own.', {
          cache: this.name,
          reason,
        })
      },
    }
  }

  #keep(text: string, key: Key, got: Got<Value>, weight: number, outdatedTags: Set<string> | undefined): void {
    const { value, readAt, loadMs } = got
    const now = this.#clock.elapsed()
    const shortened = now + this.#shared.longestTtl() < got.freshUntil
    const freshUntil = shortened ? now + this.#shared.longestTtl() : got.freshUntil
    const staleUntil = shortened ? freshUntil : got.goneAt
    if (staleUntil <= now) return
    const tags = this.#tagsOf(value, key)
    if (outdatedTags && tags.some((tag) => outdatedTags.has(tag))) return
    const bytes = ENTRY_BYTES + text.length + weight
    const old = this.#entries.get(text)
    if (old) this.#drop(old)
    if (!this.#shared.store.fits(bytes)) return
    this.#list(new Entry(this, text, value, bytes, tags, freshUntil, staleUntil, readAt, loadMs))
  }

  #list(entry: Entry): void {
    this.#entries.set(entry.key, entry)
    this.#bytes += entry.bytes
    for (const tag of entry.tags) {
      const tagged = this.#tagged.get(tag)
      if (tagged) tagged.add(entry)
      else this.#tagged.set(tag, new Set([entry]))
    }
    this.#shared.store.add(entry)
  }

  #unlist(entry: Entry): void {
    this.#entries.delete(entry.key)
    this.#bytes -= entry.bytes
    for (const tag of entry.tags) {
      const tagged = this.#tagged.get(tag)
      tagged?.delete(entry)
      if (tagged?.size === 0) this.#tagged.delete(tag)
    }
  }

  #drop(entry: Entry): void {
    this.#shared.store.remove(entry)
    this.#unlist(entry)
  }

  #forgetKey(text: string): void {
    this.#disown((flight) => flight.text === text, this.#flights.get(text))
    const entry = this.#entries.get(text)
    if (!entry) return
    this.#drop(entry)
    this.#stats.invalidations++
  }

  #forgetTag(tag: string): void {
    if (!this.#options.tags) return
    // Which tags the values under way will have is not known yet: later callers do not join these loads (C5).
    for (const flight of this.#flights.values()) this.#detached.add(flight)
    this.#flights.clear()
    for (const flight of this.#detached) (flight.tags ??= new Set()).add(tag)
    for (const entry of this.#tagged.get(tag) ?? []) {
      this.#drop(entry)
      this.#stats.invalidations++
    }
  }

  #forgetAll(): void {
    this.#disown(() => true, ...this.#flights.values())
    this.#stats.invalidations += this.#entries.size
    for (const entry of this.#entries.values()) this.#shared.store.remove(entry)
    this.#entries.clear()
    this.#tagged.clear()
    this.#bytes = 0
  }

  /** Later callers load anew; those who already wait get what these loads find. */
  #disown(isOne: (detached: Flight<Value>) => boolean, ...joinable: (Flight<Value> | undefined)[]): void {
    for (const flight of this.#detached) if (isOne(flight)) flight.outdated = true
    for (const flight of joinable) {
      if (!flight) continue
      flight.outdated = true
      this.#flights.delete(flight.text)
    }
  }
}
