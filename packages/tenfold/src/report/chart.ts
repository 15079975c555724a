/** Lines and dots as SVG. */
import { escape } from './page.ts'

export interface Series {
  name: string
  points: readonly (readonly [x: number, y: number])[]
  /** `dots` for what was measured, `line` for what joins or explains it, `both`. Defaults to `line`. */
  as?: 'line' | 'dots' | 'both'
  /** A colour of the page. Defaults to `ink`. */
  colour?: 'ink' | 'dim' | 'focus' | 'trouble' | 'warning'
  dashed?: boolean
}

export interface Chart {
  title: string
  /** With its unit: `visitors a second`. */
  x: string
  y: string
  series: readonly Series[]
  /** Powers of ten evenly apart. */
  logX?: boolean
  logY?: boolean
  /** A vertical line with a word: where the knee is. */
  marks?: readonly { x: number; label: string }[]
  /** A horizontal one: what was the goal. */
  levels?: readonly { y: number; label: string }[]
  /** A band between two lines: an interval. */
  band?: readonly (readonly [x: number, low: number, high: number])[]
}

const [WIDTH, HEIGHT] = [640, 260]
const BOX = { left: 56, right: 16, top: 14, bottom: 40 }

interface Axis {
  at(value: number): number
  ticks: number[]
}

/** A figure with its legend. Points have their numbers as a title, which browsers show under the pointer. */
export function chart(of: Chart): string {
  const xs = of.series.flatMap(({ points }) => points.map(([x]) => x)).filter((x) => !of.logX || x > 0)
  const ys = [
    ...of.series.flatMap(({ points }) => points.map(([, y]) => y)),
    ...(of.levels ?? []).map(({ y }) => y),
    ...(of.band ?? []).map(([, , high]) => high),
  ].filter((y) => Number.isFinite(y) && (!of.logY || y > 0))
  if (xs.length === 0 || ys.length === 0) return ''
  const x = axis(xs, BOX.left, WIDTH - BOX.right, of.logX ?? false, false)
  const y = axis(ys, HEIGHT - BOX.bottom, BOX.top, of.logY ?? false, true)
  const parts = [
    ...y.ticks.map(
      (tick) =>
        `<line class="grid" x1="${BOX.left}" x2="${WIDTH - BOX.right}" y1="${n(y.at(tick))}" y2="${n(y.at(tick))}"/><text x="${BOX.left - 8}" y="${n(y.at(tick) + 4)}" text-anchor="end">${short(tick)}</text>`,
    ),
    ...x.ticks.map(
      (tick) => `<text x="${n(x.at(tick))}" y="${HEIGHT - BOX.bottom + 18}" text-anchor="middle">${short(tick)}</text>`,
    ),
    `<text x="${(BOX.left + WIDTH - BOX.right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${escape(of.x)}</text>`,
    ...(of.band ? [band(of.band, x, y)] : []),
    ...(of.levels ?? []).map(
      ({ y: value, label }) =>
        `<line class="mark" x1="${BOX.left}" x2="${WIDTH - BOX.right}" y1="${n(y.at(value))}" y2="${n(y.at(value))}"/><text x="${WIDTH - BOX.right - 4}" y="${n(y.at(value) - 5)}" text-anchor="end">${escape(label)}</text>`,
    ),
    ...(of.marks ?? []).map(({ x: value, label }, i) => {
      const left = x.at(value) > WIDTH * 0.6
      return `<line class="mark" x1="${n(x.at(value))}" x2="${n(x.at(value))}" y1="${BOX.top}" y2="${HEIGHT - BOX.bottom}"/><text x="${n(x.at(value) + (left ? -5 : 5))}" y="${BOX.top + 10 + i * 14}" text-anchor="${left ? 'end' : 'start'}">${escape(label)}</text>`
    }),
    ...of.series.map((one) => draw(one, x, y)),
  ]
  const legend = of.series
    .map(
      ({ name, colour = 'ink', dashed }) =>
        `<span class="key ${colour}${dashed ? ' dashed' : ''}">${escape(name)}</span>`,
    )
    .join('')
  return `<figure><figcaption><b>${escape(of.title)}</b><span>${escape(of.y)}</span>${legend}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(of.title)}">${parts.join('')}</svg></figure>`
}

function draw({ name, points, as = 'line', colour = 'ink', dashed }: Series, x: Axis, y: Axis): string {
  const seen = points.filter(([a, b]) => Number.isFinite(x.at(a)) && Number.isFinite(y.at(b)))
  const path = seen.map(([a, b], i) => `${i === 0 ? 'M' : 'L'}${n(x.at(a))} ${n(y.at(b))}`).join('')
  const line = as === 'dots' ? '' : `<path class="line ${colour}${dashed ? ' dashed' : ''}" d="${path}"/>`
  if (as === 'line') return line
  const dots = seen.map(
    ([a, b]) =>
      `<circle class="${colour}" cx="${n(x.at(a))}" cy="${n(y.at(b))}" r="3.2"><title>${escape(name)}: ${short(b)} at ${short(a)}</title></circle>`,
  )
  return line + dots.join('')
}

function band(points: NonNullable<Chart['band']>, x: Axis, y: Axis): string {
  const up = points.map(([a, , high]) => `${n(x.at(a))} ${n(y.at(high))}`)
  const down = points.toReversed().map(([a, low]) => `${n(x.at(a))} ${n(y.at(low))}`)
  return `<polygon class="band" points="${[...up, ...down].join(' ')}"/>`
}

function axis(values: readonly number[], start: number, end: number, log: boolean, fromZero: boolean): Axis {
  const most = Math.max(...values)
  const least = Math.min(...values)
  if (log) {
    const [low, high] = [
      Math.floor(Math.log10(least) + 1e-9),
      Math.max(Math.ceil(Math.log10(most) - 1e-9), Math.floor(Math.log10(least)) + 1),
    ]
    const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
    return { ticks, at: (value) => start + ((Math.log10(value) - low) / (high - low)) * (end - start) }
  }
  const low = fromZero ? Math.min(0, least) : least
  const high = most > low ? most : low + 1
  const step = niceStep((high - low) / 5)
  const top = fromZero ? Math.ceil(high / step - 1e-9) * step : high
  const first = Math.ceil(low / step - 1e-9) * step
  const ticks = Array.from({ length: Math.floor((top - first) / step + 1e-9) + 1 }, (_, i) => first + i * step)
  return { ticks, at: (value) => start + ((value - low) / (top - low)) * (end - start) }
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return power * (rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10)
}

function n(value: number): string {
  return value.toFixed(1)
}

/** 1200 as 1.2k. */
export function short(value: number): string {
  const size = Math.abs(value)
  for (const [unit, sign] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (size >= unit) return `${Number((value / unit).toPrecision(3))}${sign}`
  }
  return String(Number(value.toPrecision(3)))
}
