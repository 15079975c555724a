/** Ring 3: messages to whoever listens, on any instance. */
export { MessageTooLarge } from './errors.ts'
export { openFeed, type Feed, type FeedItem, type FeedOptions } from './feed.ts'
export { openPubSub, type PubSubOptions } from './open.ts'
export type { Message, PubSub, Subscriber, SubscribeOptions, Subscription } from './pubsub.ts'

/** The tables of the Postgres backend. */
export const migrations = {
  module: 'tenfold.pubsub',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}
