import { Card } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import { useWindow, WindowChoice } from '../../parts/filters.tsx'
import { bytes, count, duration, percent } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { type CacheRow, type CachesView, useCaches } from './api.ts'

export function CachesPage() {
  const { minutes, words } = useWindow()
  const asked = useCaches(minutes)
  return (
    <>
      <PageHead title="Caches">
        <WindowChoice />
      </PageHead>
      <Loaded
        asked={asked}
        empty={({ caches }) =>
          caches.length === 0 && (
            <Empty title={`No cache was used in the ${words}.`}>
              <p>
                <code>m.cache('product', {"{ key: z.uuid(), ttl: '5m', load: … }"})</code> in a module declares one.
                What it saves is shown here.
              </p>
            </Empty>
          )
        }
      >
        {(view) => <Caches view={view} words={words} />}
      </Loaded>
    </>
  )
}

function Caches({ view: { caches, points }, words }: { view: CachesView; words: string }) {
  const times = points.map(({ time }) => time)
  return (
    <>
      <Card title="All caches" note={words}>
        <Chart
          title="Found in a cache"
          times={times}
          lines={[{ name: 'share', tone: '--line-1', values: points.map(({ hitShare }) => hitShare), filled: true }]}
          format={percent}
          atLeast={1}
        />
        <Chart
          title="Loaded"
          times={times}
          lines={[{ name: 'loads', tone: '--line-2', values: points.map(({ loads }) => loads) }]}
          format={count}
        />
      </Card>
      <Card title="By cache" note="saved: what loading each of the hits would have taken">
        <Table
          label="Caches"
          columns={COLUMNS}
          rows={caches}
          rowKey={({ name }) => name}
          sorting={{ parameter: 'sort', initial: 'asked' }}
        />
      </Card>
    </>
  )
}

const found = ({ hits, sharedHits }: CacheRow): number => hits + sharedHits
const all = (row: CacheRow): number => found(row) + row.misses
const share = (row: CacheRow): number => (all(row) === 0 ? 0 : found(row) / all(row))

const COLUMNS: Column<CacheRow>[] = [
  { key: 'name', head: 'Cache', wide: true, cell: ({ name }) => name, sort: ({ name }) => name },
  { key: 'asked', head: 'Asked', align: 'right', cell: (row) => count(all(row)), sort: all },
  { key: 'share', head: 'Found', align: 'right', cell: (row) => percent(share(row)), sort: share },
  {
    key: 'shared',
    head: 'Of it shared',
    align: 'right',
    hide: 'narrow',
    cell: (row) => (found(row) === 0 ? '–' : percent(row.sharedHits / found(row))),
    sort: (row) => row.sharedHits,
  },
  {
    key: 'loads',
    head: 'Loads',
    align: 'right',
    hide: 'phone',
    cell: ({ loads }) => count(loads),
    sort: ({ loads }) => loads,
  },
  {
    key: 'p50',
    head: 'Load p50',
    align: 'right',
    hide: 'phone',
    cell: ({ loadP50Ms }) => (loadP50Ms === undefined ? '–' : duration(loadP50Ms)),
    sort: ({ loadP50Ms = 0 }) => loadP50Ms,
  },
  {
    key: 'p95',
    head: 'Load p95',
    align: 'right',
    hide: 'narrow',
    cell: ({ loadP95Ms }) => (loadP95Ms === undefined ? '–' : duration(loadP95Ms)),
    sort: ({ loadP95Ms = 0 }) => loadP95Ms,
  },
  {
    key: 'saved',
    head: 'Saved',
    align: 'right',
    cell: ({ savedMs }) => duration(savedMs),
    sort: ({ savedMs }) => savedMs,
  },
  {
    key: 'errors',
    head: 'Failed loads',
    align: 'right',
    hide: 'narrow',
    cell: ({ loadErrors }) => count(loadErrors),
    sort: ({ loadErrors }) => loadErrors,
  },
  {
    key: 'evictions',
    head: 'Evicted',
    align: 'right',
    hide: 'narrow',
    cell: ({ evictions }) => count(evictions),
    sort: ({ evictions }) => evictions,
  },
  {
    key: 'size',
    head: 'Size',
    align: 'right',
    hide: 'narrow',
    cell: (row) => bytes(row.bytes),
    sort: (row) => row.bytes,
  },
]
