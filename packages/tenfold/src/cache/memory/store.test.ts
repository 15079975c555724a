import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprint } from './ghosts.ts'
import { Entry, EntryStore } from './store.ts'
import type { Home } from './store.ts'

test('keeps what is in use over a scan of keys that are used once', () => {
  const cache = new Store(1000)
  const hot = Array.from({ length: 300 }, (_, i) => `hot-${i}`)
  for (let round = 0; round < 4; round++) for (const key of hot) cache.ask(key)
  for (let i = 0; i < 20_000; i++) cache.ask(`scan-${i}`)
  const kept = hot.filter((key) => cache.entries.has(key)).length
  assert.ok(kept >= 290, `${kept} of 300`)
})

test('hits at least 6 points more than an LRU of the same size where few keys are popular', () => {
  const keys = zipf({ keys: 50_000, skew: 0.9, draws: 400_000 })
  const ours = hitRatio(keys, new Store(500))
  const lru = hitRatio(keys, new Lru(500))
  assert.ok(ours >= lru + 0.06, `${(ours * 100).toFixed(1)} % against ${(lru * 100).toFixed(1)} %`)
})

test('follows when other keys become popular', () => {
  const cache = new Store(500)
  for (const key of zipf({ keys: 50_000, skew: 0.9, draws: 200_000 })) cache.ask(key)
  const moved = zipf({ keys: 50_000, skew: 0.9, draws: 200_000, prefix: 'new' })
  const ours = hitRatio(moved, cache)
  const lru = hitRatio(moved, new Lru(500))
  assert.ok(ours >= lru + 0.04, `${(ours * 100).toFixed(1)} % against ${(lru * 100).toFixed(1)} %`)
})

test('never holds more entries or bytes than it may, and loses count of none', () => {
  const cache = new Store(100, 5000)
  for (let i = 0; i < 20_000; i++) {
    const key = `${Math.floor(Math.random() * 400)}`
    if (Math.random() < 0.1) cache.remove(key)
    else cache.ask(key, Math.floor(Math.random() * 600))
    assert.ok(cache.store.entries <= 100 && cache.store.bytes <= 5000)
  }
  assert.equal(cache.store.entries, cache.entries.size)
  assert.equal(
    cache.store.bytes,
    [...cache.entries.values()].reduce((sum, entry) => sum + entry.bytes, 0),
  )
})

test('does not let one huge entry push out the rest', () => {
  const store = new EntryStore({ maxEntries: 100, maxBytes: 8000 })
  assert.equal(store.fits(1000), true)
  assert.equal(store.fits(1001), false)
})

class Store implements Home {
  readonly seed = fingerprint(0, 'test')
  readonly entries = new Map<string, Entry>()
  readonly store: EntryStore

  constructor(maxEntries: number, maxBytes = Infinity) {
    this.store = new EntryStore({ maxEntries, maxBytes })
  }

  ask(key: string, bytes = 1): boolean {
    const known = this.entries.get(key)
    if (known) {
      if (known.uses < 3) known.uses++
      return true
    }
    const entry = new Entry(this, key, key, bytes, [], 0, 0)
    this.entries.set(key, entry)
    this.store.add(entry)
    return false
  }

  remove(key: string): void {
    const entry = this.entries.get(key)
    if (!entry) return
    this.store.remove(entry)
    this.entries.delete(key)
  }

  evicted(entry: Entry): void {
    this.entries.delete(entry.key)
  }
}

class Lru {
  readonly #keys = new Set<string>()
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  ask(key: string): boolean {
    const hit = this.#keys.delete(key)
    this.#keys.add(key)
    if (this.#keys.size > this.#size) this.#keys.delete(this.#keys.values().next().value!)
    return hit
  }
}

/** The share of hits in the second half, when the cache is warm. */
function hitRatio(keys: readonly string[], cache: { ask(key: string): boolean }): number {
  const half = keys.length / 2
  let hits = 0
  keys.forEach((key, i) => {
    const hit = cache.ask(key)
    if (hit && i >= half) hits++
  })
  return hits / half
}

/** Keys of which the n-th most popular is asked for in proportion to n^-skew; the same sequence every time. */
function zipf(of: { keys: number; skew: number; draws: number; prefix?: string }): string[] {
  const sums = new Float64Array(of.keys)
  let sum = 0
  for (let i = 0; i < of.keys; i++) sums[i] = sum += 1 / (i + 1) ** of.skew
  let seed = 42
  const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32
  return Array.from({ length: of.draws }, () => {
    const target = random() * sum
    let low = 0
    for (let high = of.keys - 1; low < high;) {
      const middle = (low + high) >> 1
      if (sums[middle]! < target) low = middle + 1
      else high = middle
    }
    return `${of.prefix ?? 'key'}-${low}`
  })
}
