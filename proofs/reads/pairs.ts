/** Users who write on one instance and read on the other at once, as quickly as they can. */
import { Agent, request } from 'node:http'

export interface Pairs {
  pairs: number
  /** Reads that did not find what their user had just written. */
  stale: number
  /** Requests that were not answered with 2xx. */
  failed: number
  readMs: number[]
}

export interface PairsOptions {
  urls: readonly string[]
  count: number
  users: number
  /** Whether what the reply says of the position is sent along: as a cookie, as a header in turn, or not at all. */
  carry: boolean
  /** Names the notes of this run. */
  name: string
  /** Between two pairs of a user, in ms. */
  pauseMs?: number
}

const WAYS = ['alone', 'transaction', 'raw'] as const

export async function writeAndRead({ urls, count, users, carry, name, pauseMs = 0 }: PairsOptions): Promise<Pairs> {
  const agent = new Agent({ keepAlive: true, maxSockets: users * 2 })
  const result: Pairs = { pairs: 0, stale: 0, failed: 0, readMs: [] }
  let next = 0
  const user = async (): Promise<void> => {
    let carried: Record<string, string> = {}
    for (let n = next++; n < count; n = next++) {
      const text = `${name}-${n}`
      const [writer, reader] = n % 2 === 0 ? [urls[0]!, urls[1]!] : [urls[1]!, urls[0]!]
      const body = JSON.stringify({ text, way: WAYS[n % 3] })
      const written = await send(agent, 'POST', `${writer}/notes`, carried, body).catch(() => undefined)
      if (!written || written.status >= 300) {
        result.failed++
        await pause(20)
        continue
      }
      if (carry) carried = n % 4 < 2 ? { 'x-tenfold-position': written.position } : { cookie: written.cookie }
      const started = performance.now()
      const read = await send(agent, 'GET', `${reader}/notes/${text}`, carried).catch(() => undefined)
      result.readMs.push(performance.now() - started)
      if (!read || read.status !== 200) result.failed++
      else {
        result.pairs++
        if (!(JSON.parse(read.text) as { found: boolean }).found) result.stale++
      }
      if (pauseMs > 0) await pause(pauseMs)
    }
  }
  await Promise.all(Array.from({ length: users }, user))
  agent.destroy()
  return result
}

interface Reply {
  status: number
  text: string
  position: string
  cookie: string
}

function send(
  agent: Agent,
  method: string,
  url: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      agent,
      method,
      headers: {
        ...headers,
        ...(body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    })
    sent.on('error', reject)
    sent.setTimeout(20_000, () => sent.destroy(new Error('no answer within 20 s')))
    sent.on('response', (reply) => {
      let text = ''
      reply.setEncoding('utf8')
      reply.on('data', (chunk: string) => (text += chunk))
      reply.on('error', reject)
      reply.on('end', () => {
        const cookie = reply.headers['set-cookie']?.find((line) => line.startsWith('tf_position=')) ?? ''
        const position = String(reply.headers['x-tenfold-position'] ?? '')
        resolve({ status: reply.statusCode ?? 0, text, position, cookie: cookie.split(';')[0]! })
      })
    })
    sent.end(body)
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
