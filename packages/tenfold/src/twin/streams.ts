/** Streams that stay open: server-sent events and WebSockets. */
import { INSTANCE_HEADER } from './balancer.ts'

export interface Stream {
  /** One entry for each message. */
  readonly received: string[]
  send(text: string): void
  close(): void
}

const OPENS_WITHIN_MS = 5000

export function openStream(kind: string, url: URL, cookies: Map<string, string>): Promise<Stream> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return kind === 'WS' ? openSocket(url, cookie) : openEvents(url, cookie)
}

/** The messages of an event stream, as in the HTML standard: `data` lines up to an empty line. */
async function openEvents(url: URL, cookie: string): Promise<Stream> {
  const received: string[] = []
  const stop = new AbortController()
  const headers = { accept: 'text/event-stream', ...(cookie && { cookie }) }
  const response = await fetch(url, { headers, signal: stop.signal }).catch(() => undefined)
  if (!response?.body || !response.ok) received.push(`not opened: ${response?.status ?? 'no answer'}`)
  else void read(response.body)
  return { received, send: () => {}, close: () => stop.abort() }

  async function read(body: ReadableStream<Uint8Array>): Promise<void> {
    let rest = ''
    try {
      for await (const chunk of body.pipeThrough(
        new TextDecoderStream() as never,
      ) as unknown as AsyncIterable<string>) {
        const blocks = (rest + chunk.replaceAll('\r', '')).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) {
          const data = block.split('\n').flatMap((line) => (line.startsWith('data:') ? line.slice(5).trimStart() : []))
          if (data.length > 0) received.push(data.join('\n'))
        }
      }
    } catch {
      // Closed, by us or by the instance: what was received until then is compared.
    }
  }
}

async function openSocket(url: URL, cookie: string): Promise<Stream> {
  const received: string[] = []
  const address = new URL(url)
  address.protocol = 'ws:'
  const options = { headers: { [INSTANCE_HEADER]: '', ...(cookie && { cookie }) } }
  const socket = new WebSocket(address, options as never)
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => resolve(), OPENS_WITHIN_MS)
    socket.addEventListener('open', () => (clearTimeout(timer), resolve()))
    socket.addEventListener('error', () => (clearTimeout(timer), received.push('not opened'), resolve()))
  })
  socket.addEventListener('message', ({ data }) => void received.push(String(data)))
  return {
    received,
    send: (text) => (socket.readyState === WebSocket.OPEN ? socket.send(text) : undefined),
    close: () => socket.close(),
  }
}
