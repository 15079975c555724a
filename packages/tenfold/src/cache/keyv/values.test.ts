import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask, Taken, Tier } from '../shared/tier.ts'
import { keepValuesIn } from './values.ts'

test('a value that was loaded anew while the one before it was gone from the store is given, and not its name', async () => {
  const named = (name: string, stamp: number): Taken => ({
    kind: 'value',
    body: Buffer.from(name),
    stamp,
    freshUntil: 1,
    goneAt: 2,
  })
  const versions = [named('gone', 1), named('gone too', 2), named('there', 3)]
  const tier = {
    take: async ({ afterStamp }: Ask) =>
      versions.find((one) => 'stamp' in one && one.stamp > afterStamp) ?? { kind: 'wait' as const },
    close: async () => {},
  } as unknown as Tier
  const store = new Map([['there', Buffer.from('the value').toString('base64')]])
  const values = { get: async (key: string) => store.get(key), set: async () => true }
  const kept = keepValuesIn(values, tier)
  const ask = { cache: 'c', key: 'k', token: 't', now: 0, freshAfter: 0, orStale: false, afterStamp: 0 }
  const taken = await kept.take(ask)
  assert.deepEqual(taken, { ...versions[2]!, body: Buffer.from('the value') })
  store.clear()
  assert.deepEqual(await kept.take(ask), { kind: 'wait' })
  await kept.close()
})
