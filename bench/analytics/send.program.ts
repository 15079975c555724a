/** Browsers, all in one process: batches of events to an address, as many at a time as there are connections.
 *  Arguments: address, seconds, events in a batch, connections. Prints `{ "events", "ms", "wrong" }`. */
import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'

const [url, seconds, size, connections] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) })
const counts = { events: 0, wrong: 0 }
const started = performance.now()
const until = started + Number(seconds) * 1000

async function browse(n: number): Promise<void> {
  for (let round = 0; performance.now() < until; round++) {
    const now = Date.now()
    const events = Array.from({ length: Number(size) }, (_, i) => ({
      id: uuidv7At(now),
      name: i % 5 === 0 ? 'pressed' : 'page_view',
      at: now,
      seq: i,
      properties: { path: `/products/${(round * 31 + i) % 500}` },
    }))
    const status = await post(JSON.stringify({ sentAt: now, anonymous: `browser-${n}-${round}`, events }))
    if (status === 204) counts.events += events.length
    else counts.wrong++
  }
}

function post(body: string): Promise<number> {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': PERSON,
  }
  return new Promise((resolve, reject) => {
    request(url!, { agent, method: 'POST', headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!))
    })
      .on('error', reject)
      .end(body)
  })
}

function uuidv7At(at: number): string {
  const time = at.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

const PERSON = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

await Promise.all(Array.from({ length: Number(connections) }, (_, n) => browse(n)))
console.log(JSON.stringify({ ...counts, ms: performance.now() - started }))
agent.destroy()
