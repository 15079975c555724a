/** Requests at the times when they are due, whatever became of those before (an open model), from a process of its own.
 *  Latency is counted from the intended time: a server that stands still does not stop the clock. */
import { createHash } from 'node:crypto'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'

export interface Load {
  port: number
  seconds: number
  /** `from` and `to` in seconds: a part of the run only. */
  paths: { path: string; perSecond: number; from?: number; to?: number; client?: string; clients?: number }[]
}

export interface LoadResult {
  sent: number
  failed: number
  p95: number
  /** How late the generator itself was, at worst. */
  lag: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 300 })
const PATIENCE_MS = 8000

async function run({ port, seconds, paths }: Load): Promise<LoadResult> {
  const started = performance.now()
  const due = paths
    .flatMap(({ path, perSecond, from = 0, to = seconds, client = 'one', clients = 1 }) =>
      Array.from({ length: Math.floor((to - from) * perSecond) }, (_, i) => ({
        path,
        client: `${client} ${i % clients}`,
        at: (from + (i + Math.random()) / perSecond) * 1000,
      })),
    )
    .sort((a, b) => a.at - b.at)
  const took: number[] = []
  let failed = 0
  let lag = 0
  const open: Promise<void>[] = []
  for (const { path, client, at } of due) {
    const early = at - (performance.now() - started)
    if (early > 1) await new Promise((resolve) => setTimeout(resolve, early))
    lag = Math.max(lag, performance.now() - started - at)
    open.push(
      ask(port, path, client).then((ok) => {
        if (ok) took.push(performance.now() - started - at)
        else failed++
      }),
    )
  }
  await Promise.all(open)
  took.sort((a, b) => a - b)
  return { sent: due.length, failed, p95: took[Math.floor(took.length * 0.95)] ?? Infinity, lag }
}

/** Clients are told apart by an address that the proxy before them would have written. */
function addressOf(client: string): string {
  return `10.${[...createHash('sha256').update(client).digest().subarray(0, 3)].join('.')}`
}

function ask(port: number, path: string, client: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { port, host: '127.0.0.1', path, agent, timeout: PATIENCE_MS, headers: { 'x-forwarded-for': addressOf(client) } },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode! < 500))
        response.on('error', () => resolve(false))
      },
    )
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
    asked.end()
  })
}

createInterface({ input: process.stdin })
  .on('line', (line) => void run(JSON.parse(line) as Load).then((result) => console.log(JSON.stringify(result))))
  .on('close', () => process.exit())
