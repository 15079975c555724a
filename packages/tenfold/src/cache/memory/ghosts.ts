/** Remembers which keys were evicted lately, without the keys: 32-bit fingerprints in buckets of four.
 *  A wrong "yes" (about 1 in a billion per entry of a bucket) costs one misplaced entry, never a wrong value. */
export class Ghosts {
  readonly #prints: Uint32Array
  readonly #times: Uint32Array
  readonly #mask: number
  #time = 0

  constructor(capacity: number) {
    const buckets = 2 ** Math.ceil(Math.log2(Math.max(4, capacity / WAYS)))
    this.#prints = new Uint32Array(buckets * WAYS)
    this.#times = new Uint32Array(buckets * WAYS)
    this.#mask = buckets - 1
  }

  /** Replaces the oldest fingerprint of the bucket. */
  add(print: number): void {
    const start = (print & this.#mask) * WAYS
    let oldest = start
    for (let at = start + 1; at < start + WAYS; at++) if (this.#times[at]! < this.#times[oldest]!) oldest = at
    this.#prints[oldest] = print
    this.#times[oldest] = ++this.#time
  }

  /** Whether the key was among the last `within` that were added; forgets it. */
  take(print: number, within: number): boolean {
    const start = (print & this.#mask) * WAYS
    for (let at = start; at < start + WAYS; at++) {
      if (this.#prints[at] !== print || this.#times[at] === 0) continue
      const recent = this.#time - this.#times[at]! < within
      this.#times[at] = 0
      return recent
    }
    return false
  }
}

const WAYS = 4

/** FNV-1a over UTF-16 code units, then mixed so that the low bits depend on all of them. */
export function fingerprint(seed: number, key: string): number {
  let hash = seed ^ 0x811c9dc5
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
