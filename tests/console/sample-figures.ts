/** What caches, limits, indexes, backups and the heat map of the console show. */
import type { IndexAdvice } from '../../packages/tenfold/src/console/index.ts'
import type * as api from '../../packages/tenfold/src/inspect/index.ts'

export function sampleHeat(now: number, minutes: number, empty: boolean): api.HeatView {
  const edges = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]
  const stepMs = (minutes * 60_000) / 60
  const times = Array.from({ length: 60 }, (_, i) => now - (60 - i) * stepMs)
  const fast = (i: number): number[] => [
    0,
    0,
    40 + i,
    300 - i,
    90,
    20 + (i % 9),
    5,
    2,
    i % 4,
    i > 40 ? 9 : 0,
    i % 30 === 7 ? 1 : 0,
  ]
  return { times, stepMs, edges, counts: times.map((_, i) => (empty ? [] : fast(i))) }
}

export function sampleIndexes(hostile: string, startedAt: number, days: number): IndexAdvice {
  const text = `select * from orders where note = '${hostile}' and customer_id = $1`
  const helps = [{ text, calls: 4012, costBefore: 25_061, costAfter: 31 }]
  const sql = 'create index concurrently orders_customer_id on orders (customer_id);'
  const create = [{ table: 'orders', sql, helps, size: 21_400_000, writes: 80_211 }]
  const drop = [
    { index: 'orders_status', table: 'orders', why: 'unused', size: 6_600_000, sql: 'drop index …' } as const,
  ]
  const advice = { create, drop: [...drop], unplanned: [], queries: 81, candidates: 240 }
  return { status: 'found', startedAt, days, tookMs: 4200, advice }
}

export function sampleCaches(hostile: string, now: number): api.CachesView {
  const times = Array.from({ length: 60 }, (_, i) => now - (60 - i) * 60_000)
  const row = { sharedHits: 41_200, loads: 3900, loadErrors: 0, evictions: 0, bytes: 3_400_000 }
  return {
    caches: [
      {
        name: 'catalog.product',
        hits: 812_345,
        misses: 4100,
        ...row,
        loadP50Ms: 4.2,
        loadP95Ms: 31,
        savedMs: 4_120_000,
      },
      { name: 'catalog.search', hits: 120, misses: 2100, ...row, sharedHits: 0, loadErrors: 12, savedMs: 9000 },
      { name: `catalog.${hostile}`, hits: 0, misses: 0, ...row, sharedHits: 0, savedMs: 0 },
    ],
    points: times.map((time, i) => ({ time, hitShare: i < 5 ? null : 0.9 + Math.sin(i) / 20, loads: 60 + (i % 7) })),
  }
}

export function sampleLimits(hostile: string, now: number): api.LimitsView {
  const times = Array.from({ length: 60 }, (_, i) => now - (60 - i) * 60_000)
  return {
    limits: [
      { name: 'POST /login by address, cost 1, closed', allowed: 1200, refused: 340, known: 300, away: 0 },
      { name: `POST /${hostile}`, allowed: 12, refused: 0, known: 0, away: 3 },
    ],
    points: times.map((time, i) => ({ time, allowed: 20 + (i % 5), refused: i > 40 ? 17 : 0 })),
  }
}

export function sampleBackup(now: number): api.BackupState {
  const ago = (ms: number): string => new Date(now - ms).toISOString()
  return {
    last: { id: '20260504-030000-1f2e', finishedAt: ago(30 * 3_600_000), size: 48e6 },
    failed: { at: ago(6 * 3_600_000), message: 'No space is left on the device.' },
    missed: true,
    log: { at: ago(9_000) },
  }
}
