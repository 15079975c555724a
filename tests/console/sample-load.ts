/** Runs of `tenfold load` for the console's page. */
import type { LoadRuns, LoadRunView } from '../../packages/tenfold/src/inspect/index.ts'

export function sampleLoadRuns(now: number, hostile: string): LoadRuns {
  const run: LoadRunView = {
    id: '20260504-101500',
    at: now - 600_000,
    scenario: `browse ${hostile}`,
    release: '1.4.0',
    url: 'http://127.0.0.1:3000',
    seconds: 120,
    requests: 24_113,
    p50: 4.2,
    p95: 31.8,
    p99: 90.4,
    errorShare: 0.0004,
    valid: true,
    notes: ['the database was not seen from inside'],
    thresholds: [{ name: 'p95', most: 30, value: 31.8, holds: false }],
    words: ['The knee is between 200 and 240 a second.'],
    steps: [100, 200].map((rate, i) => ({
      round: 1,
      load: `${rate} a second`,
      offered: rate,
      achieved: rate - i,
      p50: 3 + i,
      p95: 12 + 20 * i,
      p99: 40 + 50 * i,
      errors: i,
      valid: true,
      appCpu: 0.4 + 0.4 * i,
    })),
    series: Array.from({ length: 120 }, (_, i) => ({
      time: now - 600_000 + i * 1000,
      completed: i < 60 ? 100 : 199,
      errors: i === 90 ? 1 : 0,
      p50: 4,
      p95: 12 + (i % 17),
    })),
  }
  return {
    list: async () => [run, { ...run, id: '20260503-101500', at: now - 86_400_000, release: '1.3.0', p95: 22 }],
    compare: async (before, after) => ({ verdict: 'slower', lines: [`From ${before} to ${after}: p95 +40 %`] }),
  }
}
