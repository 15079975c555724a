/** A subscription as something to read from, at the reader's own pace. */
import type { Message, PubSub } from './pubsub.ts'

export type FeedItem =
  | { kind: 'message'; message: Message }
  /** Messages may have been missed. */
  | { kind: 'gap' }
  /** Nothing has happened for a while. */
  | { kind: 'beat' }
  /** The reader is too slow; it is the last item. */
  | { kind: 'slow' }

export interface FeedOptions {
  /** The last message that the reader knows. */
  after?: string | undefined
  /** Milliseconds between two signs of life. Defaults to 15000: proxies end connections that are silent for longer. */
  beatMs?: number
  /** Messages that may wait for the reader. Defaults to 256. */
  mostWaiting?: number
}

export interface Feed extends AsyncIterable<FeedItem> {
  /** Ends it, after what waits. */
  end(): void
}

/** @example
 *  for await (const item of await openFeed(pubsub, 'order:42')) if (item.kind === 'message') show(item.message.data) */
export async function openFeed(pubsub: PubSub, channel: string, options: FeedOptions = {}): Promise<Feed> {
  const { after, beatMs = 15_000, mostWaiting = 256 } = options
  const waiting: FeedItem[] = []
  let wake: (() => void) | undefined
  let ended = false

  const add = (item: FeedItem): void => {
    if (ended) return
    if (waiting.length >= mostWaiting) {
      // What waits is not read by anyone who is so far behind: it only costs memory.
      waiting.length = 0
      waiting.push({ kind: 'slow' })
      ended = true
    } else waiting.push(item)
    wake?.()
  }
  const subscription = await pubsub.subscribe(
    channel,
    { onMessage: (message) => add({ kind: 'message', message }), onGap: () => add({ kind: 'gap' }) },
    after === undefined ? {} : { after },
  )
  const beat = setInterval(() => waiting.length === 0 && add({ kind: 'beat' }), beatMs)
  const close = (): void => {
    ended = true
    clearInterval(beat)
    subscription.close()
    wake?.()
  }

  return {
    end: close,
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          const item = waiting.shift()
          if (item) yield item
          else if (ended) return
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        close()
      }
    },
  }
}
