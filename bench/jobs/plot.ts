/** Throughput against what waits, and against worker processes, as one SVG that reads on light and dark pages. */
import { median, type Results } from './samples.ts'

interface Line {
  name: string
  points: { x: string; y: number }[]
}

const COLOURS = ['#2563eb', '#dc2626', '#d97706', '#059669']
const WIDTH = 420
const HEIGHT = 260
const LEFT = 60
const TOP = 40

export function plotOf(results: Results): string {
  const charts = [
    { title: 'jobs/s against jobs waiting', lines: linesOf(results, /^run with ([\d,]+) waiting$/) },
    { title: 'jobs/s against worker processes', lines: linesOf(results, /^run, (\d+) worker process/) },
  ].filter(({ lines }) => lines.length > 0)
  const drawn = charts.map(({ title, lines }, i) => chartOf(title, lines, i * (WIDTH + 40)))
  const width = charts.length * (WIDTH + 40)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT + 110}" font-family="system-ui, sans-serif" font-size="12" fill="#6b7280">
${drawn.join('\n')}
</svg>
`
}

function linesOf(results: Results, name: RegExp): Line[] {
  const lines = new Map<string, Line>()
  for (const [scenario, systems] of results) {
    const x = name.exec(scenario)?.[1]
    if (x === undefined) continue
    for (const [system, samples] of systems) {
      const line = lines.get(system) ?? { name: system, points: [] }
      line.points.push({ x, y: median(samples.map((one) => one.value)) })
      lines.set(system, line)
    }
  }
  return [...lines.values()]
}

function chartOf(title: string, lines: readonly Line[], shift: number): string {
  const ticks = lines[0]!.points.map(({ x }) => x)
  const { step, most } = scaleOf(Math.max(...lines.flatMap(({ points }) => points.map(({ y }) => y))))
  const xOf = (i: number): number => LEFT + (ticks.length < 2 ? 0 : (i * (WIDTH - LEFT - 20)) / (ticks.length - 1))
  const yOf = (y: number): number => Math.round(TOP + (HEIGHT - TOP) * (1 - y / most))
  const grid = Array.from({ length: Math.round(most / step) + 1 }, (_, i) => {
    const y = i * step
    const words = y.toLocaleString('en-US')
    return `<line x1="${LEFT}" x2="${WIDTH}" y1="${yOf(y)}" y2="${yOf(y)}" stroke="#9ca3af" stroke-opacity=".4"/><text x="${LEFT - 6}" y="${yOf(y) + 4}" text-anchor="end">${words}</text>`
  })
  const labels = ticks.map((x, i) => `<text x="${xOf(i)}" y="${HEIGHT + 18}" text-anchor="middle">${x}</text>`)
  const drawn = lines.map(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]!
    const places = points.map(({ y }, at) => `${xOf(at)},${yOf(y)}`)
    const dots = points.map(({ y }, at) => `<circle cx="${xOf(at)}" cy="${yOf(y)}" r="3" fill="${colour}"/>`)
    const legend = `<text x="${LEFT + (i % 2) * 180}" y="${HEIGHT + 44 + (i >> 1) * 18}" fill="${colour}">${name}</text>`
    return `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}${legend}`
  })
  return `<g transform="translate(${shift} 0)"><text x="${LEFT}" y="20" font-weight="600">${title}</text>
${[...grid, ...labels, ...drawn].join('\n')}</g>`
}

/** Steps that people count in, six at most: 1, 2 or 5 with zeros. */
function scaleOf(largest: number): { step: number; most: number } {
  const top = Math.max(largest, 1)
  const rough = top / 6
  const tens = 10 ** Math.floor(Math.log10(rough))
  const step = tens * [1, 2, 5, 10].find((times) => times * tens >= rough)!
  return { step, most: Math.ceil(top / step) * step }
}
