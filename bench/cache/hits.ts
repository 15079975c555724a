/** The share of requests that find their value: ours and an LRU of the same size, on the same requests. */
import { setImmediate as turn } from 'node:timers/promises'
import { openCaches } from '../../packages/tenfold/src/cache/index.ts'
import { systemClock } from '../../packages/tenfold/src/kernel/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import type { Peers } from '../../scripts/claims/index.ts'

type Untyped = ReturnType<JSON['parse']>

const KEYS = 100_000
const SIZE = KEYS / 100

export async function hitRatios(peers: Peers, quick: boolean): Promise<{ trace: string; ours: number; lru: number }[]> {
  const { LRUCache } = await peers.load<Untyped>('lru-cache')
  const draws = quick ? 400_000 : 1_000_000
  const results = []
  for (const [trace, keys] of [
    ['zipf 0.7', zipf(0.7, draws)],
    ['zipf 0.9', zipf(0.9, draws)],
    ['zipf 0.9, one in five a scan', withScan(zipf(0.9, draws))],
  ] as const) {
    const lru = new LRUCache({ max: SIZE })
    const ours = await withOurs(keys)
    results.push({ trace, ours, lru: ratioOf(keys, (key) => lru.get(key) !== undefined || (lru.set(key, 1), false)) })
  }
  return results
}

async function withOurs(keys: readonly string[]): Promise<number> {
  const telemetry = createTelemetry({ service: 'bench', env: 'production', level: 'silent' })
  const caches = await openCaches({ telemetry, clock: systemClock, maxEntries: SIZE })
  const cache = caches.define<string, number>({ name: 'bench.hits', ttl: '1h', load: () => 1 })
  const half = keys.length / 2
  let before = 0
  for (const [i, key] of keys.entries()) {
    if (i === half) before = cache.stats().hits
    // Loads are traced, and traces leave when the event loop turns.
    if (i % 500 === 0) await turn()
    await cache.get(key)
  }
  const { hits } = cache.stats()
  await caches.close()
  await telemetry.close()
  return (hits - before) / half
}

/** In the second half, when it is warm. */
function ratioOf(keys: readonly string[], ask: (key: string) => boolean): number {
  const half = keys.length / 2
  let hits = 0
  keys.forEach((key, i) => {
    if (ask(key) && i >= half) hits++
  })
  return hits / half
}

/** Keys of which the n-th most popular is asked for in proportion to n^-skew; the same sequence every time. */
function zipf(skew: number, draws: number): string[] {
  const sums = new Float64Array(KEYS)
  let sum = 0
  for (let i = 0; i < KEYS; i++) sums[i] = sum += 1 / (i + 1) ** skew
  let seed = 42
  const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32
  return Array.from({ length: draws }, () => {
    const target = random() * sum
    let low = 0
    for (let high = KEYS - 1; low < high;) {
      const middle = (low + high) >> 1
      if (sums[middle]! < target) low = middle + 1
      else high = middle
    }
    return `key-${low}`
  })
}

function withScan(keys: readonly string[]): string[] {
  return keys.map((key, i) => (i % 5 === 0 ? `scan-${i}` : key))
}
