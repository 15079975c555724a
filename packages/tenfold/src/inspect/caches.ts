/** What the caches did over time, out of the metrics that the store keeps. */
import type { Sql } from '../database/index.ts'
import { LogLinear } from '../telemetry/index.ts'
import { readMetric, readMetricByTime, type MetricSlot } from './postgres/metrics.ts'
import { slotsOf } from './slots.ts'
import type { Window } from './sources.ts'

const COUNTED = ['hits', 'shared.hits', 'misses', 'loads', 'load.errors', 'evictions'] as const
const BYTES = 'tenfold.cache.bytes'
const LOADING = 'tenfold.cache.load.duration'

/** What the store has to keep for it. */
export const CACHE_METRICS: readonly string[] = [...COUNTED.map((name) => `tenfold.cache.${name}`), BYTES, LOADING]

export interface CacheRow {
  name: string
  /** Given from the memory of the process. */
  hits: number
  /** Given from what another instance had loaded. */
  sharedHits: number
  /** Not to be had, so that it was loaded or waited for. */
  misses: number
  loads: number
  loadErrors: number
  evictions: number
  /** Of all processes together, as last measured. */
  bytes: number
  /** Undefined where nothing was loaded. */
  loadP50Ms?: number
  loadP95Ms?: number
  /** What loading each hit would have taken, by the mean of the loads. */
  savedMs: number
}

export interface CachesView {
  /** The most used first. */
  caches: CacheRow[]
  /** Of all caches together; the share is null where nothing was asked for. */
  points: { time: number; hitShare: number | null; loads: number }[]
}

export async function readCaches(sql: Sql, window: Window, nowMs: number): Promise<CachesView> {
  const { fromMs, toMs, stepMs, times } = slotsOf(window, nowMs)
  const [bytes, ...slots] = await Promise.all([
    readMetric(sql, BYTES, fromMs, toMs),
    ...[...COUNTED.map((name) => `tenfold.cache.${name}`), LOADING].map((name) =>
      readMetricByTime(sql, name, fromMs, toMs, stepMs),
    ),
  ])
  const loading = slots.pop() ?? []
  const counted = new Map(COUNTED.map((name, i) => [name, slots[i]!]))
  const names = new Set(slots.flat().map(({ labels }) => labels['cache'] ?? ''))
  const caches = [...names].map((name): CacheRow => {
    const own = ({ labels }: { labels: Record<string, string> }): boolean => labels['cache'] === name
    const sum = (metric: (typeof COUNTED)[number]): number => total(counted.get(metric)!.filter(own))
    const loads = new LogLinear()
    for (const { values } of loading.filter(own)) loads.merge(values.buckets())
    const [hits, sharedHits] = [sum('hits'), sum('shared.hits')]
    return {
      name,
      hits,
      sharedHits,
      misses: sum('misses'),
      loads: sum('loads'),
      loadErrors: sum('load.errors'),
      evictions: sum('evictions'),
      bytes: bytes.filter(own).reduce((all, { last }) => all + last, 0),
      ...(loads.count > 0 && { loadP50Ms: loads.quantile(0.5) * 1000, loadP95Ms: loads.quantile(0.95) * 1000 }),
      savedMs: loads.count > 0 ? ((hits + sharedHits) * total(loading.filter(own)) * 1000) / loads.count : 0,
    }
  })
  const points = times.map((time) => {
    const at = (metric: (typeof COUNTED)[number]): number =>
      total(counted.get(metric)!.filter(({ timeMs }) => timeMs === time))
    const hits = at('hits') + at('shared.hits')
    const asked = hits + at('misses')
    return { time, hitShare: asked === 0 ? null : hits / asked, loads: at('loads') }
  })
  const uses = ({ hits, sharedHits, misses }: CacheRow): number => hits + sharedHits + misses
  return { caches: caches.sort((a, b) => uses(b) - uses(a)), points }
}

function total(slots: readonly MetricSlot[]): number {
  return slots.reduce((all, { sum }) => all + sum, 0)
}
