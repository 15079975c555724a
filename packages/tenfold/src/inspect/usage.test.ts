import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDatabase } from '../database/testing/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { CACHE_METRICS, createInspector, createStore, LIMIT_METRICS, migrations } from './index.ts'

test('caches and limits are added up over processes, with what hits have saved', async (t) => {
  const db = await testDatabase({ migrations: [migrations] })
  t.after(() => db.close())
  for (const bytes of [1000, 500]) {
    const telemetry = createTelemetry({ service: 'shop', env: 'test', destination: { write() {} } })
    t.after(() => telemetry.close())
    const settings = { flushEvery: '1m', metrics: [...CACHE_METRICS, ...LIMIT_METRICS], metricsEvery: 0 } as const
    const store = createStore({ db: db.system, telemetry, roles: ['web'], ...settings })
    const { metrics } = telemetry
    const count = (name: string, value: number, labels: Record<string, string>): void =>
      metrics.counter(name, { help: 'x', unit: '1' }).add(value, labels)
    for (const [name, value] of [
      ['hits', 90],
      ['shared.hits', 10],
      ['misses', 25],
      ['loads', 20],
      ['evictions', 1],
    ] as const) {
      count(`tenfold.cache.${name}`, value, { cache: 'shop.product' })
    }
    count('tenfold.cache.misses', 1, { cache: 'shop.rare' })
    metrics.gauge('tenfold.cache.bytes', { help: 'x', unit: 'By' }).set(bytes, { cache: 'shop.product' })
    const loading = metrics.histogram('tenfold.cache.load.duration', { help: 'x', unit: 's' })
    for (const seconds of [0.01, 0.03]) loading.record(seconds, { cache: 'shop.product' })
    for (const [outcome, value] of Object.entries({ allowed: 40, refused: 10, known: 7, away: 0 })) {
      count('tenfold.limit.decisions', value, { limiter: 'POST /login', outcome })
    }
    assert.equal(await store.flush(), true)
  }
  const facts = { app: 'shop', version: '1', env: 'test', startedAt: 0, bindings: () => [] } as const
  const inspector = createInspector({ ...facts, stage: () => ({ number: 1, name: 'one' }) as never, db: db.system })

  const { caches, points } = await inspector.caches({ minutes: 60 })
  const [product, rare] = caches
  assert.deepEqual([caches.length, product!.name, rare!.name, rare!.misses], [2, 'shop.product', 'shop.rare', 2])
  assert.deepEqual([product!.hits, product!.sharedHits, product!.misses, product!.loads], [180, 20, 50, 40])
  assert.deepEqual([product!.evictions, product!.bytes], [2, 1500])
  assert.ok(Math.abs(product!.savedMs - 200 * 20) < 1, `${product!.savedMs} ms: 200 hits by 20 ms`)
  assert.ok(Math.abs(product!.loadP95Ms! - 30) < 1)
  assert.equal(rare!.savedMs, 0)
  const shares = points.flatMap(({ hitShare }) => (hitShare === null ? [] : [hitShare]))
  assert.ok(shares.length > 0 && shares.every((share) => share > 0.7 && share < 0.9))

  const { limits, points: decisions } = await inspector.limits({ minutes: 60 })
  assert.deepEqual(limits, [{ name: 'POST /login', allowed: 80, refused: 20, known: 14, away: 0 }])
  assert.equal(
    decisions.reduce((all, { refused }) => all + refused, 0),
    20,
  )
})
