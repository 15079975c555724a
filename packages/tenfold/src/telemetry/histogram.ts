/** Log-linear buckets: each power of two is cut into 16 equal parts, so that a bucket is at most 6.25 % wide and its middle
 *  at most 3.2 % from any value in it. Bucket numbers mean the same everywhere: histograms of different processes and
 *  intervals are merged by adding counts.
 *
 *    bucket 0            everything up to 2^-24 (60 nanoseconds, when the unit is seconds), zero and below
 *    bucket 1 … 1280     2^-24 … 2^56
 *    the last bucket     everything above */

const PARTS = 16
const MIN_EXPONENT = -24
const MAX_EXPONENT = 56
export const LAST_BUCKET = (MAX_EXPONENT - MIN_EXPONENT) * PARTS

// Written and read within one call: the bits of a double.
const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

export function bucketOf(value: number): number {
  if (!(value > 2 ** MIN_EXPONENT)) return 0
  double[0] = value
  const high = words[1]!
  const exponent = (high >>> 20) - 1023
  if (exponent >= MAX_EXPONENT) return LAST_BUCKET
  return Math.min((exponent - MIN_EXPONENT) * PARTS + ((high >>> 16) & (PARTS - 1)) + 1, LAST_BUCKET)
}

/** The value that stands for a bucket: its middle; 0 for bucket 0. */
export function middleOf(bucket: number): number {
  if (bucket <= 0) return 0
  const step = bucket - 1
  return 2 ** (Math.floor(step / PARTS) + MIN_EXPONENT) * (1 + ((step % PARTS) + 0.5) / PARTS)
}

/** The upper end of a bucket. */
export function upperEndOf(bucket: number): number {
  if (bucket <= 0) return 2 ** MIN_EXPONENT
  return 2 ** (Math.floor((bucket - 1) / PARTS) + MIN_EXPONENT) * (1 + (((bucket - 1) % PARTS) + 1) / PARTS)
}

/** A histogram as it is stored and sent: the counts from bucket `first` on. */
export interface Buckets {
  first: number
  counts: readonly number[]
}

/** Counts in a typed array that covers only the buckets in use, and grows as values come. */
export class LogLinear {
  count = 0
  sum = 0
  min = Infinity
  max = -Infinity
  private first = 0
  private counts = new Uint32Array(0)

  record(value: number): void {
    if (!Number.isFinite(value)) return
    const bucket = bucketOf(value)
    this.cover(bucket, bucket)
    this.counts[bucket - this.first]!++
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }

  /** Adds the counts of another one. `sum`, `min` and `max` come along when given, else they are taken from the buckets. */
  merge(other: Buckets, totals?: { sum: number; min?: number; max?: number }): this {
    let last = other.counts.length - 1
    while (last >= 0 && !other.counts[last]) last--
    let start = 0
    while (start <= last && !other.counts[start]) start++
    if (last < start) return this
    this.cover(other.first + start, other.first + last)
    for (let i = start; i <= last; i++) {
      const n = other.counts[i]!
      this.counts[other.first + i - this.first]! += n
      this.count += n
      if (!totals) this.sum += n * middleOf(other.first + i)
    }
    if (totals) this.sum += totals.sum
    this.min = Math.min(this.min, totals?.min ?? middleOf(other.first + start))
    this.max = Math.max(this.max, totals?.max ?? middleOf(other.first + last))
    return this
  }

  /** The value below which the share `q` (0 to 1) of all values lies, within 3.2 %; 0 when there are none. */
  quantile(q: number): number {
    if (this.count === 0) return 0
    const rank = Math.max(1, Math.ceil(q * this.count))
    let seen = 0
    for (let i = 0; i < this.counts.length; i++) {
      seen += this.counts[i]!
      if (seen >= rank) return Math.min(Math.max(middleOf(this.first + i), this.min), this.max)
    }
    return this.max
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count
  }

  /** From the first bucket that holds something to the last. */
  buckets(): Buckets {
    let start = 0
    let end = this.counts.length
    while (start < end && this.counts[start] === 0) start++
    while (end > start && this.counts[end - 1] === 0) end--
    return { first: this.first + start, counts: Array.from(this.counts.subarray(start, end)) }
  }

  /** What came since `earlier`, an older copy of this one. */
  since(earlier: LogLinear | undefined): LogLinear {
    if (!earlier) return this.copy()
    const difference = new LogLinear()
    const counts = Array.from(this.counts)
    for (let i = 0; i < earlier.counts.length; i++) counts[earlier.first + i - this.first]! -= earlier.counts[i]!
    return difference.merge({ first: this.first, counts }, { sum: this.sum - earlier.sum })
  }

  copy(): LogLinear {
    const copy = new LogLinear()
    return this.count === 0 ? copy : copy.merge(this.buckets(), this)
  }

  private cover(low: number, high: number): void {
    const end = this.first + this.counts.length
    if (this.counts.length > 0 && low >= this.first && high < end) return
    const empty = this.counts.length === 0
    // A few buckets to spare on both sides: values of one kind lie close together.
    const first = Math.max(0, empty ? low - PARTS : Math.min(this.first, low < this.first ? low - PARTS : low))
    const last = Math.max(empty ? 0 : end - 1, !empty && high < end ? high : high + PARTS)
    const grown = new Uint32Array(last - first + 1)
    if (!empty) grown.set(this.counts, this.first - first)
    this.first = first
    this.counts = grown
  }
}
