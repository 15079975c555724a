import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTelemetry } from '../telemetry/index.ts'
import { openFeed, openPubSub, type FeedItem, type FeedOptions } from './index.ts'

/** A feed for which so many messages wait. */
async function feedWith(messages: number, options: FeedOptions) {
  const bus = openPubSub({ telemetry: createTelemetry({ service: 'test', env: 'test', level: 'silent' }) })
  const feed = await openFeed(bus, 'a', options)
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  let seen = 0
  await bus.subscribe('a', { onMessage: () => void (++seen === messages && resolve()), onGap: () => {} })
  for (let n = 0; n < messages; n++) await bus.publish('a', n)
  await arrived
  return feed
}

test('a reader that is too slow is told so, and holds no memory', async () => {
  const feed = await feedWith(10, { mostWaiting: 3, beatMs: 60_000 })
  const items: FeedItem[] = []
  for await (const item of feed) items.push(item)
  assert.deepEqual(items, [{ kind: 'slow' }])
})

test('a reader gets all that came before the end, and signs of life in silence', async () => {
  const feed = await feedWith(1, { beatMs: 20 })
  const kinds: string[] = []
  for await (const item of feed) {
    kinds.push(item.kind)
    if (kinds.includes('message') && item.kind === 'beat') feed.end()
  }
  assert.equal(kinds.filter((kind) => kind === 'message').length, 1)
})
