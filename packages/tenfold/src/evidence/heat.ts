/** Whether the same is asked again and again: of each statement that reads, how many of its calls asked for what had been
 *  asked a moment before, how many came from the one set of values that is asked for most, and how many began while another
 *  for the very same was still running.
 *
 *  Values are told apart by a hash with a salt of this process, which stays here; what leaves are counts. Which values are
 *  frequent is counted in a bounded table: when it is full, all counts go down by one, so that what is left is never more than
 *  the truth (Misra and Gries 1982; how such tables merge: Agarwal et al., Mergeable Summaries, 2012). */
import { randomInt } from 'node:crypto'
import type { StatementWatch } from '../telemetry/index.ts'

/** [calls, of them asked before in this slot, of the most frequent values, begun beside the same, most of the same at once]. */
export type HeatSample = [calls: number, again: number, top: number, beside: number, mostAtOnce: number]

const MOST_SHAPES = 100
const MOST_VALUES = 256
const MOST_SENT = 12
const LEAST_CALLS = 10
const PLATFORM = 'tenfold'

interface Heat {
  calls: number
  counts: Map<number, number>
  running: Map<number, number>
  beside: number
  mostAtOnce: number
}

interface Asked {
  heat: Heat
  hash: number
}

export class HeatWatch implements StatementWatch {
  readonly #salt = randomInt(2 ** 31)
  #shapes = new Map<string, Heat>()

  began(module: string, shape: string, values: readonly unknown[]): Asked | undefined {
    if (module === PLATFORM || !/^(?:select|with)\b/i.test(shape)) return undefined
    let heat = this.#shapes.get(shape)
    if (!heat) {
      if (this.#shapes.size >= MOST_SHAPES) return undefined
      heat = { calls: 0, counts: new Map(), running: new Map(), beside: 0, mostAtOnce: 0 }
      this.#shapes.set(shape, heat)
    }
    const hash = hashOf(values, this.#salt)
    if (hash === undefined) return undefined
    heat.calls++
    count(heat.counts, hash)
    const others = heat.running.get(hash) ?? 0
    heat.running.set(hash, others + 1)
    if (others > 0) heat.beside++
    heat.mostAtOnce = Math.max(heat.mostAtOnce, others + 1)
    return { heat, hash }
  }

  ended(asked: unknown): void {
    if (asked === undefined) return
    const { heat, hash } = asked as Asked
    const left = (heat.running.get(hash) ?? 1) - 1
    if (left > 0) heat.running.set(hash, left)
    else heat.running.delete(hash)
  }

  take(): Record<string, HeatSample> {
    const asked = [...this.#shapes].filter(([, { calls }]) => calls >= LEAST_CALLS)
    // What is still running goes on being known: only what was counted begins anew.
    this.#shapes = new Map(
      [...this.#shapes].flatMap(([shape, heat]) => {
        const { running } = heat
        return running.size === 0 ? [] : [[shape, { calls: 0, counts: new Map(), running, beside: 0, mostAtOnce: 0 }]]
      }),
    )
    const hottest = asked.toSorted(([, a], [, b]) => b.calls - a.calls).slice(0, MOST_SENT)
    return Object.fromEntries(hottest.map(([shape, heat]) => [shape, sampleOf(heat)]))
  }
}

function sampleOf({ calls, counts, beside, mostAtOnce }: Heat): HeatSample {
  let again = 0
  let top = 0
  for (const n of counts.values()) {
    again += n - 1
    top = Math.max(top, n)
  }
  return [calls, again, top, beside, mostAtOnce]
}

function count(counts: Map<number, number>, hash: number): void {
  const known = counts.get(hash)
  if (known !== undefined) counts.set(hash, known + 1)
  else if (counts.size < MOST_VALUES) counts.set(hash, 1)
  else
    for (const [other, n] of counts) {
      if (n > 1) counts.set(other, n - 1)
      else counts.delete(other)
    }
}

/** FNV-1a over what the values say; undefined where that would cost more than it tells. */
function hashOf(values: readonly unknown[], salt: number): number | undefined {
  let hash = 0x811c9dc5 ^ salt
  for (const value of values) {
    const text = value instanceof Date ? String(value.getTime()) : String(value)
    if ((typeof value === 'object' && value !== null && !(value instanceof Date)) || text.length > 200) return undefined
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ 0xff, 0x01000193)
  }
  return hash >>> 0
}
