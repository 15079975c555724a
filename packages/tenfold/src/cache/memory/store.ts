import type { ReadAt } from '../../database/index.ts'
import { Ghosts, fingerprint } from './ghosts.ts'

/** Holds the entries of all caches within one budget, and chooses which to evict: S3-FIFO (Yang and others, SOSP 2023).
 *
 *    new ──> small (a tenth of the room) ──used twice──> main ──unused at the tail──> gone
 *                 └──not used──> gone, but remembered as a ghost ──comes back soon──> straight into main
 *
 *  A key asked for once passes through `small` only, so a scan cannot push out what is in use. A hit writes one small
 *  number and moves nothing, which is why it is so cheap. An entry at the tail of main that was used since goes round again. */
export class EntryStore {
  readonly #small = new Fifo()
  readonly #main = new Fifo()
  readonly #ghosts: Ghosts
  readonly #maxEntries: number
  readonly #maxBytes: number

  constructor(limits: { maxEntries: number; maxBytes: number }) {
    this.#maxEntries = limits.maxEntries
    this.#maxBytes = limits.maxBytes
    this.#ghosts = new Ghosts(limits.maxEntries)
  }

  get entries(): number {
    return this.#small.entries + this.#main.entries
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes
  }

  /** False for an entry of more than an eighth of all bytes: it would cost more than it could give. */
  fits(bytes: number): boolean {
    return bytes <= this.#maxBytes / 8
  }

  add(entry: Entry): void {
    const known = this.#ghosts.take(fingerprint(entry.home.seed, entry.key), this.entries)
    entry.inMain = known
    ;(known ? this.#main : this.#small).push(entry)
    while (this.entries > this.#maxEntries || this.bytes > this.#maxBytes) this.#evictOne()
  }

  remove(entry: Entry): void {
    ;(entry.inMain ? this.#main : this.#small).remove(entry)
  }

  #evictOne(): void {
    const fromSmall =
      this.#small.entries > this.#maxEntries / 10 || this.#small.bytes > this.#maxBytes / 10 || this.#main.entries === 0
    if (fromSmall) this.#evictFromSmall()
    else this.#evictFromMain()
  }

  #evictFromSmall(): void {
    const entry = this.#small.oldest()
    this.#small.remove(entry)
    if (entry.uses > 1) {
      entry.uses = 0
      entry.inMain = true
      this.#main.push(entry)
    } else {
      this.#ghosts.add(fingerprint(entry.home.seed, entry.key))
      entry.home.evicted(entry)
    }
  }

  #evictFromMain(): void {
    for (;;) {
      const entry = this.#main.oldest()
      this.#main.remove(entry)
      if (entry.uses === 0) return entry.home.evicted(entry)
      entry.uses--
      this.#main.push(entry)
    }
  }
}

/** The cache that an entry belongs to. */
export interface Home {
  /** Tells equal keys of different caches apart. */
  readonly seed: number
  /** The entry has left the store for lack of room. */
  evicted(entry: Entry): void
}

export class Entry {
  /** How often it was used since it was last looked at, at most 3. */
  uses = 0
  inMain = false
  newer: Entry | undefined = undefined
  older: Entry | undefined = undefined
  readonly home: Home
  readonly key: string
  readonly value: unknown
  readonly bytes: number
  readonly tags: readonly string[]
  /** Monotonic milliseconds. */
  freshUntil: number
  readonly staleUntil: number
  /** From here on a hit may start a refresh ahead of time. */
  earlyFrom: number
  /** How long its load took. */
  readonly loadMs: number
  /** Of a value that came from a replica: how far that was, and when. */
  readonly readAt: ReadAt | undefined

  constructor(
    home: Home,
    key: string,
    value: unknown,
    bytes: number,
    tags: readonly string[],
    freshUntil: number,
    staleUntil: number,
    readAt?: ReadAt,
    loadMs = 0,
  ) {
    this.home = home
    this.key = key
    this.value = value
    this.bytes = bytes
    this.tags = tags
    this.freshUntil = freshUntil
    this.staleUntil = staleUntil
    this.readAt = readAt
    this.loadMs = loadMs
    this.earlyFrom = freshUntil - EARLY_LOADS * loadMs
  }

  /** Whether this hit is the one that refreshes: the likelier, the nearer the end and the longer the load, so that of a key
   *  that is often asked for hardly anybody ever waits (XFetch: Vattani, Chierichetti, Lowenstein, VLDB 2015). */
  isEarly(now: number): boolean {
    return now - this.loadMs * Math.log(Math.random()) >= this.freshUntil
  }
}

/** Further ahead than this many loads, the chance is below 1 in 20,000. */
const EARLY_LOADS = 10

/** A queue that also lets go of entries in its middle: a doubly linked list. */
class Fifo {
  entries = 0
  bytes = 0
  #newest: Entry | undefined
  #oldest: Entry | undefined

  oldest(): Entry {
    return this.#oldest!
  }

  push(entry: Entry): void {
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest) this.#newest.newer = entry
    else this.#oldest = entry
    this.#newest = entry
    this.entries++
    this.bytes += entry.bytes
  }

  remove(entry: Entry): void {
    if (entry.newer) entry.newer.older = entry.older
    else this.#newest = entry.older
    if (entry.older) entry.older.newer = entry.newer
    else this.#oldest = entry.newer
    entry.newer = entry.older = undefined
    this.entries--
    this.bytes -= entry.bytes
  }
}
