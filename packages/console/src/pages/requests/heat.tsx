import { Card } from '../../parts/card.tsx'
import { useWindow } from '../../parts/filters.tsx'
import { clock, count, duration } from '../../parts/format.ts'
import { Loaded } from '../../parts/states.tsx'
import { useNow } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type HeatView, useHeat } from './api.ts'

/** From here on a row is drawn as trouble. */
const SLOW_MS = 1000
const ROW = 14

/** How many requests took how long, over time: two crowds or a slow tail show here, where a percentile is one number. */
export function Heat() {
  const { minutes, words } = useWindow()
  const [{ name }] = useQuery()
  const asked = useHeat(minutes, name)
  return (
    <Card title="Latency" note={`${name ?? 'all requests'}, ${words}; the darker, the more`}>
      <Loaded
        asked={asked}
        empty={({ counts }) =>
          counts.every((rows) => rows.every((n) => n === 0)) && <p class="note lines">Nothing was asked.</p>
        }
      >
        {(view) => <Picture view={view} />}
      </Loaded>
    </Card>
  )
}

function Picture({ view: { times, edges, counts } }: { view: HeatView }) {
  const now = useNow()
  const used = edges.map((_, row) => row).concat(edges.length)
  const totals = used.map((row) => counts.reduce((sum, rows) => sum + (rows[row] ?? 0), 0))
  const first = totals.findIndex((n) => n > 0)
  const last = totals.findLastIndex((n) => n > 0)
  const rows = used.slice(first, last + 1).reverse()
  const most = Math.max(...counts.flat())
  const all = totals.reduce((sum, n) => sum + n, 0)
  const slow = totals.reduce((sum, n, row) => sum + (isSlow(edges, row) ? n : 0), 0)
  return (
    <div class="heat">
      <ul aria-hidden="true">
        {rows.map((row) => (
          <li key={row} style={{ height: `${ROW}px` }}>
            {words(edges, row)}
          </li>
        ))}
      </ul>
      <svg
        viewBox={`0 0 ${times.length} ${rows.length}`}
        preserveAspectRatio="none"
        style={{ height: `${ROW * rows.length}px` }}
        role="img"
        aria-label={`${count(all)} requests by how long they took, over time; ${count(slow)} took ${duration(SLOW_MS)} or longer.`}
      >
        {counts.flatMap((slot, x) =>
          rows.map((row, y) => {
            const n = slot[row] ?? 0
            if (n === 0) return null
            return (
              <rect
                key={`${x} ${row}`}
                class={isSlow(edges, row) ? 'slow' : undefined}
                x={x}
                y={y}
                width={1}
                height={1}
                opacity={0.15 + (0.85 * Math.log1p(n)) / Math.log1p(most)}
              >
                <title>{`${clock(times[x]!, now)}, ${words(edges, row)}: ${count(n)}`}</title>
              </rect>
            )
          }),
        )}
      </svg>
      <p class="faint" aria-hidden="true">
        <span>{clock(times[0]!, now)}</span>
        <span>{clock(times.at(-1)!, now)}</span>
      </p>
    </div>
  )
}

const isSlow = (edges: readonly number[], row: number): boolean => (edges[row - 1] ?? 0) >= SLOW_MS

function words(edges: readonly number[], row: number): string {
  const from = edges[row - 1]
  return from === undefined ? `< ${duration(edges[0]!)}` : `≥ ${duration(from)}`
}
