/** What it costs to see: a request with two queries without anything, recorded by tenfold, and by OpenTelemetry's SDK with
 *  pino and prom-client doing the same. */
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import { createDatabase, databaseUrl, startTestServer } from '../../packages/tenfold/src/database/testing/index.ts'
import { pinned, startLoad, startServer, type Load, type Server } from '../http/processes.ts'
import pg from 'pg'

export default {
  name: 'telemetry',
  about: 'CPU per request of recording it: nothing, tenfold, and the OpenTelemetry SDK with pino and prom-client',
  options: { rounds: 'slices of each server; 30 unless --quick, then 8' },
  run,
} satisfies Claims

const PEERS = {
  '@opentelemetry/api': '1.10.0',
  '@opentelemetry/sdk-node': '0.301.0',
  '@opentelemetry/instrumentation-http': '0.301.0',
  '@opentelemetry/instrumentation-pg': '0.77.0',
  '@opentelemetry/exporter-trace-otlp-proto': '0.301.1',
  'prom-client': '15.1.3',
  pino: '10.4.0',
}

const VARIANTS = ['nothing', 'ours', 'otel'] as const
type Variant = (typeof VARIANTS)[number]
const NAMES: Record<Variant, string> = {
  nothing: 'node:http and pg',
  ours: 'the same, recorded by tenfold',
  otel: 'the same, OpenTelemetry SDK + pino + prom-client',
}
const CONNECTIONS = 16

async function run({ quick, set, log, signal, installPeers }: ClaimsOptions): Promise<Report> {
  const peers = await installPeers(PEERS)
  const database = await startTestServer()
  const load = await startLoad()
  const servers: Server[] = []
  try {
    const url = await table(database)
    for (const features of VARIANTS) {
      const env = { PEERS: peers.folder, FEATURES: features, OTLP_URL: load.collector, DATABASE_URL: url }
      servers.push(await startServer('../telemetry/server.program.ts', env))
      log(`${NAMES[features]} is up`)
    }
    if (!pinned) log('without taskset and two cores, server and load share what there is')
    for (const server of servers) await slice(server, load, quick ? 1500 : 4000)
    const cpu: number[][] = VARIANTS.map(() => [])
    const rounds = Number(set.rounds ?? (quick ? 8 : 30))
    for (let round = 0; round < rounds; round++) {
      for (const i of VARIANTS.keys()) {
        if (signal.aborted) throw signal.reason
        const at = (i + round) % VARIANTS.length
        cpu[at]!.push(await slice(servers[at]!, load, quick ? 300 : 500))
      }
    }
    return report(cpu)
  } finally {
    await Promise.all([load.stop(), ...servers.map((server) => server.stop())])
    await database.stop()
  }
}

async function table(server: Awaited<ReturnType<typeof startTestServer>>): Promise<string> {
  await createDatabase(server, 'bench_telemetry')
  const url = databaseUrl(server.adminUrl, 'bench_telemetry')
  const client = new pg.Client(url)
  await client.connect()
  await client.query('create table item (id int primary key, name text not null)')
  await client.query(`insert into item select n, 'item ' || n from generate_series(1, 1001) n`)
  await client.end()
  return url
}

/** µs of the server's CPU for each request. */
async function slice(server: Server, load: Load, ms: number): Promise<number> {
  const before = server.cpu()
  const { done, wrong } = await load.run({ port: server.port, cookies: Array<string>(CONNECTIONS).fill(''), ms })
  if (wrong > 0) throw new Error(`${wrong} of ${done} answers were wrong`)
  return (server.cpu() - before) / done
}

function report(cpu: readonly number[][]): Report {
  const [nothing, ours, otel] = cpu as [number[], number[], number[]]
  const added = (of: readonly number[]): number => median(of.map((value, i) => value - nothing[i]!))
  const share = added(ours) / added(otel)
  return {
    claims: [
      {
        claim: 'CPU that recording adds to a request, tenfold against the OpenTelemetry SDK, pino and prom-client',
        goal: 'at most 0.33 x',
        value: `${share.toFixed(2)} x`,
        holds: share <= 1 / 3,
      },
    ],
    rows: VARIANTS.map((variant, i) => ({
      server: NAMES[variant],
      'µs CPU/request': median(cpu[i]!),
      'µs added': variant === 'nothing' ? 0 : added(cpu[i]!),
    })),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
