/** POST /orders: what a request costs with everything on, beside bare Fastify and the stacks that do the same. */
import { execFileSync } from 'node:child_process'
import type { Claim, Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import { USERS } from './order.ts'
import { pinned, startLoad, startServer, type Load, type Server } from './processes.ts'
import { BARE, NEST_SAME, NEST_UNLIMITED, OURS, PEERS, STACK, UNTRACED, VARIANTS, type Variant } from './variants.ts'

export default {
  name: 'http',
  about: 'CPU per request of POST /orders with everything on, beside bare Fastify, Fastify with plug-ins, and NestJS',
  options: {
    rounds: 'slices of each server; 24 unless --quick, then 5',
    node: 'the Node.js that the servers run on, a path; this one by default',
  },
  run,
} satisfies Claims

interface Measured {
  name: string
  /** µs of the server's CPU for each request, one for each slice. */
  cpu: number[]
  perSecond: number[]
  memory: number
}

async function run({ quick, set, log, signal, installPeers }: ClaimsOptions): Promise<Report> {
  const peers = await installPeers(PEERS)
  const load = await startLoad()
  const node = set.node ?? process.execPath
  const running: { variant: Variant; server: Server; cookies: string[] }[] = []
  try {
    for (const variant of VARIANTS) {
      const env = { PEERS: peers.folder, FEATURES: variant.features, OTLP_URL: load.collector }
      const server = await startServer(variant.program, env, node)
      running.push({ variant, server, cookies: await signIn(variant, server) })
      log(`${variant.name} is up`)
    }
    if (!pinned) log('without taskset and two cores, server and load share what there is')
    for (const one of running) await slice(one, load, quick ? 700 : 2500) // until the compiler has done its work

    const measured = running.map(({ variant: { name } }): Measured => ({ name, cpu: [], perSecond: [], memory: 0 }))
    const rounds = Number(set.rounds ?? (quick ? 5 : 24))
    for (let round = 0; round < rounds; round++) {
      for (const i of running.keys()) {
        if (signal.aborted) throw signal.reason
        const at = (i + round) % running.length
        const { cpu, perSecond } = await slice(running[at]!, load, quick ? 200 : 300)
        measured[at]!.cpu.push(cpu)
        measured[at]!.perSecond.push(perSecond)
      }
    }
    for (const [i, { server }] of running.entries()) measured[i]!.memory = server.memory()
    return { ...report(measured), versions: { 'node of the servers': versionOf(node) } }
  } finally {
    await Promise.all([load.stop(), ...running.map(({ server }) => server.stop())])
  }
}

/** The cookies of some users, one for each connection. */
async function signIn({ full }: Variant, { port }: Server): Promise<string[]> {
  if (!full) return Array<string>(USERS).fill('')
  return Promise.all(
    Array.from({ length: USERS }, async (_, n) => {
      const response = await fetch(`http://127.0.0.1:${port}/sign-in/user-${n}`, { method: 'POST' })
      const cookie = response.headers.get('set-cookie')?.split(';')[0]
      if (!response.ok || !cookie) throw new Error(`nobody can sign in: ${response.status} ${await response.text()}`)
      return cookie
    }),
  )
}

async function slice(
  { variant, server, cookies }: { variant: Variant; server: Server; cookies: string[] },
  load: Load,
  ms: number,
): Promise<{ cpu: number; perSecond: number }> {
  const before = server.cpu()
  const answers = await load.run({ port: server.port, cookies, ms })
  const cpu = (server.cpu() - before) / answers.done
  if (answers.wrong > 0)
    throw new Error(`${variant.name}: ${answers.wrong} of ${answers.done} answers were not an order`)
  return { cpu, perSecond: (answers.done / answers.ms) * 1000 }
}

function report(measured: readonly Measured[]): Report {
  const of = (name: string): Measured => measured.find((one) => one.name === name)!
  const bare = of(BARE)
  const ours = of(OURS)
  /** The median over the rounds of one server's CPU against another's in the same round. */
  const times = (one: Measured, other: Measured): number => median(one.cpu.map((cpu, i) => cpu / other.cpu[i]!))
  const least = (names: readonly string[]): number => Math.min(...names.map((name) => times(of(name), ours)))
  const atLeast = (claim: string, goal: number, value: number): Claim => {
    return { claim, goal: `at least ${goal} x`, value: `${value.toFixed(2)} x`, holds: value >= goal }
  }
  return {
    claims: [
      {
        claim: 'CPU per request of tenfold with everything on, against bare Fastify',
        goal: 'at most 1.8 x',
        value: `${times(ours, bare).toFixed(2)} x`,
        holds: times(ours, bare) <= 1.8,
      },
      {
        claim: 'CPU per request that traces and their export add to tenfold',
        goal: 'at most 25 %',
        value: `${((times(ours, of(UNTRACED)) - 1) * 100).toFixed(0)} %`,
        holds: times(ours, of(UNTRACED)) <= 1.25,
      },
      atLeast('CPU per request of Fastify with plug-ins and OpenTelemetry, against tenfold', 5, times(of(STACK), ours)),
      atLeast(
        'CPU per request of NestJS with the same features (the cheaper adapter), against tenfold',
        6,
        least(NEST_SAME),
      ),
      atLeast('the same without @nestjs/throttler', 4, least(NEST_UNLIMITED)),
    ],
    rows: measured.map((one) => ({
      server: one.name,
      'µs CPU/request': median(one.cpu),
      'of bare Fastify': `${times(one, bare).toFixed(2)} x`,
      'of tenfold': `${times(one, ours).toFixed(2)} x`,
      'requests/s': Math.round(median(one.perSecond)),
      'best requests/s': Math.round(Math.max(...one.perSecond)),
      'RSS MB': Math.round(one.memory),
    })),
  }
}

function versionOf(node: string): string {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
