import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { advise, headline, type Verdict } from '../../packages/tenfold/src/advisor/index.ts'
import { startPrimary } from '../../packages/tenfold/src/database/testing/index.ts'
import type { Claims, Row } from '../../scripts/claims/index.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { openStage, PROMISED_MS, type Stage } from './stage.ts'

interface Played {
  scenario: Scenario
  verdict: Verdict
  p95: number
  harmed: boolean
  right: boolean
  /** Others took the machine meanwhile: what is a matter of time cannot be told then. */
  disturbed: boolean
  /** Of the machine, over the last minute. */
  loadAverage: number
}

const SERVER = {
  max_connections: '100',
  max_wal_size: '256MB',
  autovacuum_naptime: '10min',
  'pg_stat_statements.track': 'all',
}

/** Faults are planted, and the advisor is asked. */
const proof: Claims = {
  name: 'advisor',
  about:
    'faults are planted in an app under load; the advisor has to name each, and to advise nothing where nothing is wrong',
  options: {
    scenario: 'those whose names contain this, separated by commas (default all)',
    seconds: 'length of each (default 12, quick 8)',
    seeds: 'how often each is played (default 1)',
    save: 'folder for the evidence of each',
    patience: 'seconds to wait for a quiet machine before each (default 20)',
  },
  async run({ set, log, signal, quick }) {
    const wanted = set['scenario']?.split(',').map((name) => name.trim())
    const chosen = SCENARIOS.filter(({ name }) => !wanted || wanted.some((one) => name.includes(one)))
    const seconds = Number(set['seconds'] ?? (quick ? 8 : 12))
    // With fsync, and with as many connections as Postgres has by default.
    const server = await startPrimary({ settings: SERVER })
    const stage = await openStage({ adminUrl: server.adminUrl, stop: () => server.close() })
    const played: Played[] = []
    try {
      for (let seed = 0; seed < Number(set['seeds'] ?? 1); seed++)
        for (const scenario of chosen) {
          signal.throwIfAborted()
          await untilQuiet(Number(set['patience'] ?? (quick ? 0 : 20)))
          // A machine on which nothing starts in time is no verdict on the advisor: it is tried once more.
          const play = (): Promise<Played> => playOne(stage, scenario, seconds, set['save'])
          const one = await play().catch(() => play())
          log(
            `${one.right ? 'right' : one.disturbed ? 'disturbed' : 'WRONG'} ${scenario.name}: ${headline(one.verdict)}`,
          )
          played.push(one)
          await sleep(500)
        }
    } finally {
      await stage.close()
      await server.close()
    }
    return {
      claims: claimsOf(played),
      rows: played.map(rowOf),
      tables: [{ title: 'What was planted, and what was named:', rows: confusion(played) }],
    }
  },
}

export default proof

async function playOne(stage: Stage, scenario: Scenario, seconds: number, save?: string): Promise<Played> {
  const { evidence, load } = await stage.play((play) => scenario.run(play, seconds))
  if (save) {
    await mkdir(save, { recursive: true })
    await writeFile(join(save, `${scenario.name.replaceAll(/\W+/g, '-')}.json`), JSON.stringify(evidence, null, 1))
  }
  const verdict = advise(evidence, { leastSeconds: seconds / 2, leastRequests: 60 })
  const harmed = scenario.harmless === true || load.p95 >= PROMISED_MS || load.failed > 0
  const right = isRight(scenario, verdict, harmed)
  const host = evidence.hosts[0]
  const disturbed = host !== undefined && host.busy > 0.85 && host.other / host.cores > 0.4
  return {
    scenario,
    verdict,
    p95: load.p95,
    harmed,
    right,
    disturbed: disturbed && scenario.truth !== 'host-is-busy',
    loadAverage: loadavg()[0]!,
  }
}

/** Until half of the machine is idle for a second, at most so long. */
async function untilQuiet(seconds: number): Promise<void> {
  const idle = (): number => cpus().reduce((sum, { times }) => sum + times.idle, 0)
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline;) {
    const before = idle()
    await sleep(1000)
    if (idle() - before > cpus().length * 500) return
  }
}

/** A fault that harmed nobody need not be named; whatever is named has to be true. */
function isRight({ truth, also = [], spared }: Scenario, { bottleneck, next }: Verdict, harmed: boolean): boolean {
  // The same load may be too much all the same: then something is said of it, but not that.
  if (spared) return bottleneck?.code !== spared && (harmed || next.kind === 'nothing')
  if (truth === undefined) return next.kind === 'nothing'
  if (!bottleneck) return !harmed
  return bottleneck.code === truth || also.includes(bottleneck.code)
}

function claimsOf(all: readonly Played[]) {
  const played = all.filter(({ disturbed }) => !disturbed)
  const faults = played.filter(({ scenario, harmed }) => scenario.truth !== undefined && harmed)
  const spared = played.filter(({ scenario }) => scenario.spared)
  const healthy = played.filter(({ scenario }) => scenario.truth === undefined && !scenario.spared)
  const named = played.filter(({ scenario, verdict }) => verdict.bottleneck && !scenario.spared)
  const share = (some: readonly Played[]): number =>
    some.length === 0 ? 0 : some.filter(({ right }) => right).length / some.length
  const percent = (value: number): string => `${Math.round(value * 100)} %`
  const costly = faults.filter(
    ({ scenario, verdict }) =>
      verdict.bottleneck?.class === 'hardware' &&
      !['database-cpu', 'event-loop-full', 'disk-bound'].includes(scenario.truth!),
  )
  return [
    {
      claim: `recall: of ${faults.length} faults that did harm, named first`,
      goal: 'at least 90 %',
      value: percent(share(faults)),
      holds: share(faults) >= 0.9,
    },
    {
      claim: `precision: of ${named.length} causes named first, true`,
      goal: 'at least 90 %',
      value: percent(share(named)),
      holds: share(named) >= 0.9,
    },
    {
      claim: 'steps advised where nothing is wrong',
      goal: 0,
      value: healthy.filter(({ right }) => !right).length,
      holds: healthy.every(({ right }) => right),
    },
    {
      claim: `of ${spared.length} runs of the same load without the fault, accused of it`,
      goal: 0,
      value: spared.filter(({ right }) => !right).length,
      holds: spared.every(({ right }) => right),
    },
    {
      claim: 'runs in which others took the machine, left out above',
      goal: 'at most a third',
      value: all.length - played.length,
      holds: all.length - played.length <= all.length / 3,
    },
    { claim: 'machines advised where code was at fault', goal: 0, value: costly.length, holds: costly.length === 0 },
  ]
}

function rowOf({ scenario, verdict, p95, harmed, right, disturbed, loadAverage }: Played): Row {
  return {
    scenario: scenario.name,
    'p95 ms': Math.round(p95),
    harmed,
    truth: scenario.truth ?? 'nothing',
    named: verdict.bottleneck?.code ?? verdict.next.kind,
    confidence: verdict.bottleneck?.confidence ?? null,
    right,
    disturbed,
    load: Math.round(loadAverage * 10) / 10,
  }
}

/** A line for each pair: how often this was named where that was planted. Runs without a fault are `nothing`. */
function confusion(played: readonly Played[]): Row[] {
  const pairs = new Map<string, Row>()
  for (const { scenario, verdict, harmed, right } of played) {
    const planted = scenario.truth ?? (scenario.spared ? `nothing like ${scenario.spared}` : 'nothing')
    const named = verdict.bottleneck?.code ?? 'nothing'
    const row = (pairs.get(`${planted} ${named}`) ?? { planted, named, runs: 0, harmed: 0, right: 0 }) as Record<
      string,
      number
    >
    row['runs']!++
    if (harmed) row['harmed']!++
    if (right) row['right']!++
    pairs.set(`${planted} ${named}`, row)
  }
  return [...pairs.values()].sort((a, b) => Number(a['right'] === a['runs']) - Number(b['right'] === b['runs']))
}
