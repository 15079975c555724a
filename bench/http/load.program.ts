/** The load, in a process of its own: keep-alive connections that send the same bytes again and again, each as one user, and
 *  read nothing of the answer but where it ends. Also the collector that spans are sent to.
 *  On standard input, one line each: `{ "port", "cookies", "ms" }`; on standard output the number of answers. */
import { connect, type Socket } from 'node:net'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { ORDER } from './order.ts'

interface Slice {
  port: number
  /** One connection for each; an empty one signs in as nobody. */
  cookies: string[]
  ms: number
}

interface Lane {
  socket: Socket
  /** Between its slices. */
  ready: boolean
  answered: () => void
}

const BODY = JSON.stringify(ORDER)
const pools = new Map<number, Lane[]>()
const counts = { done: 0, wrong: 0 }

const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200).end())
})
collector.listen(0, '127.0.0.1', () => say({ collector: (collector.address() as { port: number }).port }))

createInterface({ input: process.stdin })
  .on('line', (line) => void run(JSON.parse(line) as Slice))
  .on('close', () => process.exit())

async function run({ port, cookies, ms }: Slice): Promise<void> {
  const kept = pools.get(port)
  // A server may close what has waited for long between its slices.
  const lanes = await Promise.all(
    cookies.map(async (cookie, n) =>
      kept?.[n]?.socket.readyState === 'open' ? kept[n] : await openLane(port, cookie),
    ),
  )
  pools.set(port, lanes)
  counts.done = counts.wrong = 0
  const started = performance.now()
  const until = started + ms
  await Promise.all(lanes.map((lane) => drive(lane, until)))
  say({ done: counts.done, wrong: counts.wrong, ms: performance.now() - started })
}

function drive(lane: Lane, until: number): Promise<void> {
  return new Promise((resolve) => {
    lane.ready = false
    lane.answered = () => {
      if (performance.now() < until && !lane.socket.destroyed) lane.socket.write(requests.get(lane)!)
      else {
        lane.ready = true
        resolve()
      }
    }
    lane.socket.write(requests.get(lane)!)
  })
}

const requests = new Map<Lane, Buffer>()

async function openLane(port: number, cookie: string): Promise<Lane> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const lane: Lane = { socket, ready: true, answered: () => {} }
  const head = [
    'POST /orders HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Content-Type: application/json',
    'Accept: application/json',
    'User-Agent: bench',
    `Content-Length: ${Buffer.byteLength(BODY)}`,
    ...(cookie ? [`Cookie: ${cookie}`] : []),
  ]
  requests.set(lane, Buffer.from(`${head.join('\r\n')}\r\n\r\n${BODY}`))
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    const end = endOf(text)
    if (end < 0) return
    counts.done++
    if (!text.startsWith('HTTP/1.1 200') && !text.startsWith('HTTP/1.1 201')) counts.wrong++
    text = text.slice(end)
    lane.answered()
  })
  socket.on('close', () => {
    if (lane.ready) return
    counts.wrong++
    lane.answered()
  })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return lane
}

/** Where the first answer in `text` ends, or -1. */
function endOf(text: string): number {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return -1
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head + 2))
  if (length) {
    const end = head + 4 + Number(length[1])
    return text.length >= end ? end : -1
  }
  const last = text.indexOf('\r\n0\r\n\r\n', head)
  return last < 0 ? -1 : last + 7
}

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}
