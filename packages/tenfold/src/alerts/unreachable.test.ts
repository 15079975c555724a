import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel } from './channels/channel.ts'
import type { Notice } from './notice.ts'
import { watchReachability } from './unreachable.ts'

test('a database that stays away is told by each process under one key, to each channel once, and that it is back', async () => {
  const sent: Notice[] = []
  let refuses = true
  const good: Channel = { kind: 'webhook', send: async (notice) => void sent.push(notice) }
  const bad: Channel = {
    kind: 'slack',
    async send(notice) {
      if (refuses) throw new Error('away as well')
      sent.push(notice)
    },
  }
  const parts = { app: 'shop', env: 'test', channels: [good, bad], afterMs: 30_000, log: { error() {} } }
  const [one, two] = [watchReachability(parts), watchReachability({ ...parts, channels: [good] })]
  await one.saw(false, 0)
  await one.saw(true, 10_000)
  await one.saw(false, 20_000)
  await one.saw(false, 49_000)
  assert.equal(sent.length, 0, 'a short absence is not told')
  await one.saw(false, 50_000)
  await one.saw(false, 55_000)
  assert.equal(sent.length, 1)
  refuses = false
  await one.saw(false, 90_000)
  assert.equal(sent.length, 2, 'the channel that failed is tried again')
  await two.saw(false, 50_000)
  await two.saw(false, 80_000)
  await one.saw(true, 120_000)
  assert.deepEqual(
    sent.map(({ status }) => status),
    ['firing', 'firing', 'firing', 'resolved', 'resolved'],
  )
  assert.equal(new Set(sent.map(({ dedupKey }) => dedupKey)).size, 1)
  await one.saw(true, 200_000)
  assert.equal(sent.length, 5)
})
