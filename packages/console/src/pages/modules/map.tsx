import { count } from '../../parts/format.ts'
import type { CallStats, ModuleRow } from './api.ts'

const BOX = { width: 150, height: 46 }
const GAP = { x: 40, y: 74 }

/** Modules in rows, callers above those they call; a dashed line is an event, drawn from who publishes to who listens. */
export function Map({ modules, calls }: { modules: ModuleRow[]; calls: CallStats[] }) {
  const rows = rowsOf(modules)
  const widest = Math.max(1, ...rows.map((row) => row.length))
  const width = widest * (BOX.width + GAP.x)
  const height = rows.length * (BOX.height + GAP.y) - GAP.y + 8
  const places = new globalThis.Map<string, { x: number; y: number }>()
  rows.forEach((row, y) => {
    const left = (width - row.length * (BOX.width + GAP.x)) / 2
    row.forEach(({ name }, x) =>
      places.set(name, { x: left + GAP.x / 2 + x * (BOX.width + GAP.x), y: 4 + y * (BOX.height + GAP.y) }),
    )
  })
  const made = (from: string, to: string): number =>
    calls
      .filter(({ caller, name }) => caller === from && name.startsWith(`${to}.`))
      .reduce((sum, one) => sum + one.calls, 0)
  const lines = modules.flatMap(({ name, uses, listensTo }) => [
    ...uses.map((to) => ({ from: name, to, calls: made(name, to), event: false })),
    ...listensTo.filter((of) => of !== name).map((of) => ({ from: of, to: name, calls: 0, event: true })),
  ])
  const words = lines
    .map(({ from, to, event }) => (event ? `${to} listens to ${from}` : `${from} calls ${to}`))
    .join(', ')
  return (
    <div class="map">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        style={{ maxWidth: `${width}px` }}
        role="img"
        aria-label={`Modules: ${words}.`}
      >
        {lines.map(({ from, to, calls: n, event }) => {
          const [a, b] = [places.get(from), places.get(to)]
          if (!a || !b) return null
          const line = lineOf(a, b, event)
          return (
            <g key={`${from} ${to} ${event}`}>
              <path d={line.path} class={event ? 'map-line event' : 'map-line'} style={{ strokeWidth: widthOf(n) }} />
              {n > 0 && (
                <text x={line.middle.x} y={line.middle.y} class="map-count">
                  {count(n)}
                </text>
              )}
            </g>
          )
        })}
        {modules.map(({ name, served, routes, jobs }) => {
          const { x, y } = places.get(name)!
          return (
            <g key={name} class={served ? 'map-box' : 'map-box away'}>
              <rect x={x} y={y} width={BOX.width} height={BOX.height} rx="6" />
              <text x={x + 12} y={y + 20} class="map-name">
                {name}
              </text>
              <text x={x + 12} y={y + 36} class="map-detail">
                {served ? `${routes.length} routes, ${jobs.length} jobs` : 'elsewhere'}
              </text>
            </g>
          )
        })}
      </svg>
    </div>
  )
}

/** The longest way from a module that nobody calls decides the row. */
function rowsOf(modules: ModuleRow[]): ModuleRow[][] {
  const depth = new globalThis.Map<string, number>()
  const visit = (name: string, at: number, path: string[]): void => {
    const row = modules.find((one) => one.name === name)
    if (!row || path.includes(name) || at <= (depth.get(name) ?? -1)) return
    depth.set(name, at)
    for (const to of row.uses) visit(to, at + 1, [...path, name])
  }
  for (const { name } of modules) visit(name, 0, [])
  const deepest = Math.max(0, ...depth.values())
  return Array.from({ length: deepest + 1 }, (_, y) => modules.filter(({ name }) => depth.get(name) === y))
}

interface Point {
  x: number
  y: number
}

/** From the lower edge of the upper box to the upper edge of the lower one; in one row, below both. */
function lineOf(a: Point, b: Point, event: boolean): { path: string; middle: Point } {
  const shift = event ? 14 : -14
  const from = { x: a.x + BOX.width / 2 + shift, y: a.y <= b.y ? a.y + BOX.height : a.y }
  const to = { x: b.x + BOX.width / 2 + shift, y: a.y < b.y ? b.y : b.y + BOX.height }
  const bend = a.y === b.y ? GAP.y * 0.5 : (to.y - from.y) / 2
  const end = a.y === b.y ? to.y + bend : to.y - bend
  return {
    path: `M ${from.x} ${from.y} C ${from.x} ${from.y + bend}, ${to.x} ${end}, ${to.x} ${to.y}`,
    middle: { x: (from.x + to.x) / 2 + 5, y: (from.y + to.y) / 2 },
  }
}

function widthOf(calls: number): number {
  return calls === 0 ? 1 : Math.min(5, 1 + Math.log10(calls + 1))
}
