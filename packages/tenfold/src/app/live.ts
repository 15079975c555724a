/** Those who follow something, over server-sent events or a WebSocket. */
import type { IncomingHttpHeaders } from 'node:http'
import { closingOf, LiveSlow, stream, webSocket, wantsSocket, type Socket } from '../http/index.ts'
import type { Reply } from '../kernel/index.ts'
import { openFeed, type Feed, type FeedItem, type PubSub } from '../pubsub/index.ts'
import type { Telemetry } from '../telemetry/index.ts'

export interface Live {
  follow(channel: string, headers: Readonly<IncomingHttpHeaders>): Promise<Reply>
  /** The same over a socket that is open already. Resolves when nothing is missed any more. */
  feed(channel: string, socket: Socket): Promise<void>
  /** Sends everybody away, to come back at another instance. Who comes after that is sent away at once. */
  end(): void
}

/** How long a browser waits before it comes back, in milliseconds. Spread, so that not all come at the same time. */
const RETRY_MS = { least: 500, spread: 2000 }

export function createLive(pubsub: PubSub, { metrics }: Pick<Telemetry, 'metrics'>): Live {
  const feeds = new Set<Feed>()
  let ending = false
  metrics.observe(
    'tenfold.live.followers',
    { help: 'Connections that follow something.', unit: '{connection}' },
    () => feeds.size,
  )

  async function* events(feed: Feed): AsyncGenerator<string> {
    feeds.add(feed)
    try {
      // At once: the browser knows that it is connected, and proxies pass the head on.
      yield `retry: ${Math.round(RETRY_MS.least + Math.random() * RETRY_MS.spread)}\n\n`
      for await (const item of feed) yield textOf(item)
    } finally {
      feeds.delete(feed)
    }
  }

  async function feedSocket(channel: string, socket: Socket): Promise<void> {
    const feed = await openFeed(pubsub, channel, { after: socket.after })
    const end = (): void => feed.end()
    if (ending || socket.signal.aborted) end()
    socket.signal.addEventListener('abort', end)
    feeds.add(feed)
    const pump = async (): Promise<void> => {
      // What is sent waits until the client has taken it: so the feed, which is bounded, is all that a slow one costs.
      for await (const item of feed) if (item.kind !== 'beat') await sendItem(socket, item)
      feeds.delete(feed)
      socket.signal.removeEventListener('abort', end)
    }
    socket.during(pump())
  }

  async function feedFrom(channel: string, socket: Socket): Promise<void> {
    await feedSocket(channel, socket)
    // The page may load the present state now.
    await socket.send('{"event":"ready"}')
  }

  return {
    feed: feedSocket,
    async follow(channel, headers) {
      if (wantsSocket(headers)) return webSocket({ opened: (socket) => feedFrom(channel, socket) })
      const after = headers['last-event-id']
      const feed = await openFeed(pubsub, channel, { after: after === undefined ? after : String(after) })
      if (ending) feed.end()
      return stream(events(feed), {
        type: 'text/event-stream; charset=utf-8',
        // nginx would collect the answer before it passes it on.
        headers: { 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      })
    },
    end() {
      ending = true
      for (const feed of feeds) feed.end()
    },
  }
}

function sendItem(socket: Socket, item: FeedItem): Promise<void> | undefined {
  if (item.kind === 'message') return socket.send(JSON.stringify({ id: item.message.id, data: item.message.data }))
  if (item.kind === 'gap') return socket.send('{"event":"gap"}')
  if (item.kind === 'slow') socket.close(closingOf(LiveSlow()))
  return undefined
}

/** The event stream of the HTML standard, section 9.2. JSON has no line breaks of its own. */
function textOf(item: FeedItem): string {
  if (item.kind === 'message') return `id: ${item.message.id}\ndata: ${JSON.stringify(item.message.data)}\n\n`
  if (item.kind === 'gap') return 'event: gap\ndata: {}\n\n'
  if (item.kind === 'slow') return 'event: slow\ndata: {"code":"TF_LIVE_SLOW"}\n\n'
  return ': \n\n'
}
