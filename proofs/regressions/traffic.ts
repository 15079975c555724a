/** Hours of an app that runs steadily: a rhythm of days and weeks, noise that is alike for hours, wild hours, quiet nights. */
import type { Series } from '../../packages/tenfold/src/evidence/index.ts'

const HOUR = 3_600_000

export interface Planted {
  series: number
  /** Hours after the beginning. */
  hour: number
  ratio: number
}

export interface Traffic {
  series: Series[]
  start: number
}

/** @param seed the same numbers again */
export function traffic(seed: number, hours: number, names: number, planted: readonly Planted[] = []): Traffic {
  const random = generator(seed)
  const start = Math.floor(Date.UTC(2026, 0, 5) / HOUR) * HOUR
  const kinds = ['request', 'query', 'job'] as const
  const series = Array.from({ length: names }, (_, i): Series => {
    const base = 2 * 10 ** (random() * 2.3)
    const busy = 40 * 10 ** (random() * 2.5)
    const rhythm = 0.15 + random() * 0.35
    const spread = 0.04 + random() * 0.1
    let drift = 0
    const all = Array.from({ length: hours }, (_unused, hour): [number, number, number] => {
      const load = (1 + Math.sin(((hour % 24) / 24) * 2 * Math.PI - 2)) / 2
      const weekend = Math.floor(hour / 24) % 7 > 4 ? 0.45 : 1
      // Today is like the hours before: what nobody would call a regression lasts for some of them.
      drift = 0.7 * drift + normal(random) * spread * 0.7
      const wild = random() < 0.004 ? 1.5 + random() * 3 : 1
      const step = planted.reduce((ratio, one) => (one.series === i && hour >= one.hour ? ratio * one.ratio : ratio), 1)
      const count = Math.round(busy * (0.1 + load) * weekend * (0.8 + random() * 0.4))
      // Fewer requests make a noisier mean.
      const sampling = normal(random) * Math.min(0.5, 0.6 / Math.sqrt(Math.max(1, count)))
      const mean = base * (1 + rhythm * load * weekend) * Math.exp(drift + sampling) * wild * step
      return [start + hour * HOUR, count, mean]
    })
    return { kind: kinds[i % 3]!, name: `${kinds[i % 3]} ${i}`, hours: all }
  })
  return { series, start }
}

/** What is known at the end of that hour, of the last four weeks. */
export function until({ series }: Traffic, hour: number): Series[] {
  return series.map((one) => ({ ...one, hours: one.hours.slice(Math.max(0, hour - 28 * 24), hour) }))
}

export function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
