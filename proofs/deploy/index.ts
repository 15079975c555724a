/** Deploys under load: no request lost, no job lost, and a release that does not get ready is taken back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import {
  createDatabase,
  databaseUrl,
  dropDatabase,
  startTestServer,
} from '../../packages/tenfold/src/database/testing/index.ts'
import { freePort, startBalancer, type BalancerKind } from '../../packages/tenfold/src/deploy/testing/index.ts'
import { blueGreenDeploy, ReleaseRolledBack, rollingDeploy } from '../../packages/tenfold/src/supervisor/index.ts'
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import { startLoad, type Load, type Sent } from './load.ts'
import { migrate, placeOf, writeRelease, type Kind, type Release } from './release.ts'

export default {
  name: 'deploy',
  about: 'a deploy under load loses no request and no job, and a release that does not get ready is taken back',
  options: {
    rate: 'requests a second; 40 by default',
    only: 'one of `rolling`, `blue-green`, `broken`, `stuck`',
    balancer: 'one of `nginx`, `haproxy`; both by default, unless --quick: haproxy',
    plant: '`kill`: instances are killed where they should stop, to see that lost requests are found',
  },
  run,
} satisfies Claims

type Way = 'rolling' | 'blue-green' | 'broken' | 'stuck'
const WAYS: readonly Way[] = ['rolling', 'blue-green', 'broken', 'stuck']

interface Outcome {
  way: Way
  balancer: BalancerKind
  sent: Sent
  /** Visits that were acknowledged and are not there, or whose job did not run. */
  lostRows: number
  lostJobs: number
  seconds: number
  rolledBack: boolean
  /** Which release answers in the end. */
  answering: string[]
}

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const rate = Number(set.rate ?? 40)
  const ways = set.only ? WAYS.filter((way) => way === set.only) : quick ? (['rolling', 'broken'] as const) : WAYS
  const balancers: BalancerKind[] = set.balancer
    ? [set.balancer as BalancerKind]
    : quick
      ? ['haproxy']
      : ['nginx', 'haproxy']
  const server = await startTestServer()
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-deploy-'))
  const outcomes: Outcome[] = []
  try {
    const releases = Object.fromEntries(
      (['1', '2', 'broken', 'stuck'] as const).map((kind) => [kind, writeRelease(folder, kind)]),
    ) as Record<Kind, Release>
    for (const balancer of balancers)
      for (const way of ways) {
        if (signal.aborted) throw signal.reason
        const name = `deploy_${balancer}_${way.replace('-', '_')}_${process.pid}`
        await createDatabase(server, name)
        const url = databaseUrl(server.adminUrl, name)
        try {
          outcomes.push(await deploy({ way, balancer, url, releases, rate, plant: set.plant, log }))
        } finally {
          await dropDatabase(server, name)
        }
      }
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await server.stop()
  }
  return report(outcomes)
}

interface Deploy {
  way: Way
  balancer: BalancerKind
  url: string
  releases: Record<Kind, Release>
  rate: number
  plant: string | undefined
  log: (line: string) => void
}

async function deploy({ way, balancer: kind, url, releases, rate, plant, log }: Deploy): Promise<Outcome> {
  const variables = {
    DATABASE_URL: url,
    NODE_ENV: 'production',
    SECRET_KEY: 'a secret key for proofs, and nothing else',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    TRUST_PROXY: '127.0.0.1',
    // Two checks of the balancer, and one more. nginx does not check: it notices when an instance refuses.
    DRAIN_DELAY: kind === 'haproxy' ? '2500ms' : '100ms',
  }
  const places = []
  const signal = plant === 'kill' ? 'SIGKILL' : 'SIGTERM'
  for (const name of ['blue-1', 'blue-2', 'green-1', 'green-2']) {
    places.push(placeOf(name, await freePort(), variables, signal))
  }
  const [blue, green] = [places.slice(0, 2), places.slice(2)]
  const balancer = await startBalancer(kind, {
    app: 'visits',
    instances: places.map(({ name, url: at }) => ({ name, host: '127.0.0.1', port: Number(new URL(at).port) })),
    checkSeconds: 0.5,
  })
  let load: Load | undefined
  try {
    await migrate(releases['1'], variables)
    await blueGreenDeploy({ from: [], to: blue, release: releases['1'], noticeMs: 1000 })
    const { sent: noted } = (load = startLoad(balancer.url, rate, 1))
    await until(() => noted.written.length > rate)
    const began = performance.now()
    const release = releases[way === 'broken' || way === 'stuck' ? way : '2']
    // The broken ones have the same migrations, which are no reason for them to fail.
    await migrate(releases['2'], variables)
    const options = {
      release,
      noticeMs: 1000,
      through: balancer.url,
      readyTimeoutMs: way === 'stuck' ? 3000 : way === 'broken' ? 8000 : 120_000,
      onStep: ({ place, did }: { place: string; did: string }) => log(`${kind}, ${way}: ${place} ${did}`),
    }
    const previous = releases['1']
    const rolledBack = await (
      way === 'blue-green'
        ? blueGreenDeploy({ ...options, from: blue, to: green })
        : rollingDeploy({ ...options, places: blue, previous })
    ).then(
      () => false,
      (error: unknown) => {
        if (ReleaseRolledBack.is(error)) return true
        throw error
      },
    )
    const seconds = (performance.now() - began) / 1000
    const answered = noted.written.length
    await until(() => noted.written.length > answered + rate)
    const sent = await load.end()
    const answering = await releasesOf(balancer.url)
    if (sum(sent.lost) > 0) log(`${kind} said:\n${balancer.printed().slice(-4000)}`)
    return { way, balancer: kind, sent, ...(await lostIn(url, sent.written)), seconds, rolledBack, answering }
  } catch (error) {
    log(places.map((place) => `${place.name}: ${place.printed()}`).join('\n'))
    throw error
  } finally {
    await load?.end()
    await Promise.all(places.map((place) => place.stop()))
    await balancer.stop()
  }
}

async function releasesOf(url: string): Promise<string[]> {
  const seen = new Set<string>()
  for (let i = 0; i < 10; i++) {
    const answer = await fetch(`${url}/visits/1`, { headers: { connection: 'close' } })
    seen.add(((await answer.json()) as { release: string }).release)
  }
  return [...seen].sort()
}

/** Waits until all jobs have run: longer than the lease of a worker that died. */
async function lostIn(url: string, written: number[]): Promise<{ lostRows: number; lostJobs: number }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const missing = async (sql: string): Promise<number> => {
    const { rows } = await client.query<{ n: number }>(
      `select count(*)::int as n from unnest($1::bigint[]) w(id) where not exists (${sql})`,
      [written],
    )
    return rows[0]!.n
  }
  const jobs = (): Promise<number> => missing('select from visits.counted c where c.visit = w.id')
  try {
    const deadline = Date.now() + 120_000
    while ((await jobs()) > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 200))
    return { lostRows: await missing('select from visits.visit v where v.id = w.id'), lostJobs: await jobs() }
  } finally {
    await client.end()
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('the load gets no answers')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0)

function report(outcomes: Outcome[]): Report {
  const total = (of: (outcome: Outcome) => number): number => outcomes.reduce((all, one) => all + of(one), 0)
  const good = outcomes.filter(({ way }) => way === 'rolling' || way === 'blue-green')
  const bad = outcomes.filter(({ way }) => way === 'broken' || way === 'stuck')
  const lost = total(({ sent }) => sum(sent.lost))
  const claims = [
    { claim: 'requests lost', goal: 0, value: `${lost} of ${total(({ sent }) => sent.sent)}`, holds: lost === 0 },
    {
      claim: 'acknowledged rows and their jobs lost',
      goal: 0,
      value: `${total((one) => one.lostRows)} and ${total((one) => one.lostJobs)} of ${total(({ sent }) => sent.written.length)}`,
      holds: total((one) => one.lostRows + one.lostJobs) === 0,
    },
  ]
  const ended = (those: Outcome[], release: string): string =>
    `${those.filter((one) => one.answering.join() === release && one.rolledBack === (release === '1')).length} of ${those.length}`
  const all = (those: Outcome[], release: string): boolean =>
    ended(those, release) === `${those.length} of ${those.length}`
  if (good.length > 0)
    claims.push({
      claim: 'the new release alone answers in the end',
      goal: good.length,
      value: ended(good, '2'),
      holds: all(good, '2'),
    })
  if (bad.length > 0)
    claims.push({
      claim: 'a release that does not get ready is taken back',
      goal: bad.length,
      value: ended(bad, '1'),
      holds: all(bad, '1'),
    })
  return {
    claims,
    rows: outcomes.map(({ way, balancer, sent, lostRows, lostJobs, seconds, answering }) => ({
      balancer,
      deploy: way,
      sent: sent.sent,
      lost:
        Object.entries(sent.lost)
          .map(([what, n]) => `${n} ${what}`)
          .join(', ') || '0',
      'rows lost': lostRows,
      'jobs lost': lostJobs,
      'by release': Object.entries(sent.releases)
        .map(([name, n]) => `${name}: ${n}`)
        .join(', '),
      'p99 ms': Math.round(sent.ms.toSorted((a, b) => a - b)[Math.floor(sent.ms.length * 0.99)] ?? 0),
      seconds: Math.round(seconds * 10) / 10,
      'answers now': answering.join(', '),
    })),
  }
}
