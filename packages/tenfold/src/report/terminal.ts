import { short } from './chart.ts'

export interface TerminalChart {
  x: string
  y: string
  series: readonly { sign: string; name: string; points: readonly (readonly [x: number, y: number])[] }[]
  logX?: boolean
  logY?: boolean
  width?: number
  height?: number
}

/** Lines of text that show the points as signs in a grid. */
export function terminalChart({
  x,
  y,
  series,
  logX = false,
  logY = false,
  width = 60,
  height = 12,
}: TerminalChart): string[] {
  const scale = (value: number, log: boolean): number => (log ? Math.log10(value) : value)
  const seen = series.map(({ sign, points }) => ({
    sign,
    points: points.filter(([a, b]) => Number.isFinite(scale(a, logX)) && Number.isFinite(scale(b, logY))),
  }))
  const xs = seen.flatMap(({ points }) => points.map(([a]) => scale(a, logX)))
  const ys = seen.flatMap(({ points }) => points.map(([, b]) => scale(b, logY)))
  if (xs.length === 0) return []
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)]
  const [y0, y1] = [logY ? Math.min(...ys) : 0, Math.max(...ys)]
  const grid = Array.from({ length: height }, () => Array<string>(width).fill(' '))
  for (const { sign, points } of seen) {
    for (const [a, b] of points) {
      const column = Math.round(((scale(a, logX) - x0) / (x1 - x0 || 1)) * (width - 1))
      const row = Math.round(((scale(b, logY) - y0) / (y1 - y0 || 1)) * (height - 1))
      grid[height - 1 - row]![column] = sign
    }
  }
  const back = (value: number, log: boolean): string => short(log ? 10 ** value : value)
  const [top, bottom] = [back(y1, logY), back(y0, logY)]
  const margin = Math.max(top.length, bottom.length)
  const [left, right] = [back(x0, logX), back(x1, logX)]
  return [
    `${y}   ${series.map(({ sign, name }) => `${sign} ${name}`).join('   ')}`,
    ...grid.map((row, i) => {
      const label = i === 0 ? top : i === height - 1 ? bottom : ''
      return `${label.padStart(margin)} │${row.join('').trimEnd()}`
    }),
    `${' '.repeat(margin)} └${'─'.repeat(width)}`,
    `${' '.repeat(margin + 2)}${left}${' '.repeat(Math.max(1, width - left.length - right.length))}${right}  ${x}`,
  ]
}
