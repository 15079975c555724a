import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { advise, headline, type Verdict } from '../../packages/tenfold/src/advisor/index.ts'
import { startPrimary } from '../../packages/tenfold/src/database/testing/index.ts'
import type { Claims, ClaimsOptions, Row } from '../../scripts/claims/index.ts'
import { commitNow, openArchive, type Archive, type Kept } from './kept.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { openStage, PROMISED_MS } from './stage.ts'

interface Played {
  scenario: Scenario
  run: Kept
  verdict: Verdict
  harmed: boolean
  right: boolean
  /** Others took the machine meanwhile: what is a matter of time cannot be told then. */
  disturbed: boolean
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
    scenario:
      'the one of this name with its counterpart, or those whose names contain it; several with commas (default all)',
    seconds: 'length of each (default 10, quick 8)',
    seeds: 'how often each is played (default 1)',
    keep: 'folder for what is played; what lies there is judged and not played again',
    for: 'seconds after which nothing more is begun; with --keep, the next run goes on from there, and 0 only judges',
    patience: 'seconds to wait for a quiet machine before each (default 20)',
  },
  async run(options) {
    const { set } = options
    const wanted = set['scenario']?.split(',').map((name) => name.trim())
    const chosen = SCENARIOS.filter(({ name }) => !wanted || wanted.some((one) => isMeant(name, one)))
    const folder = set['keep'] ?? (await mkdtemp(join(tmpdir(), 'tenfold-advisor-')))
    const archive = await openArchive(folder)
    try {
      const missing = Array.from({ length: Number(set['seeds'] ?? 1) }, (_, seed) =>
        chosen.filter(({ name }) => !archive.has(name, seed)).map((scenario) => ({ scenario, seed })),
      ).flat()
      if (missing.length > 0 && set['for'] !== '0') await playAll(missing, archive, options)
      const played: Played[] = []
      for (const run of archive.runs()) {
        const scenario = chosen.find(({ name }) => name === run.scenario)
        if (scenario) played.push(await judge(scenario, run, archive))
      }
      return {
        claims: [...claimsOf(played), playedOf(chosen, played)],
        rows: played.map(rowOf),
        tables: [
          { title: 'What was planted, and what was named:', rows: confusion(played) },
          { title: 'With those runs in which others took the machine, and without them:', rows: shares(played) },
        ],
      }
    } finally {
      if (set['keep'] === undefined) await rm(folder, { recursive: true, force: true })
    }
  },
}

export default proof

function isMeant(name: string, word: string): boolean {
  const isWhole = SCENARIOS.some((scenario) => scenario.name === word)
  return isWhole ? name === word || name === `without: ${word}` : name.includes(word)
}

interface Turn {
  scenario: Scenario
  seed: number
}

async function playAll(turns: readonly Turn[], archive: Archive, options: ClaimsOptions): Promise<void> {
  const { set, log, signal, quick } = options
  const usual = Number(set['seconds'] ?? (quick ? 8 : 10))
  const until = performance.now() + Number(set['for'] ?? Infinity) * 1000
  const commit = commitNow()
  // With fsync, and with as many connections as Postgres has by default.
  const server = await startPrimary({ settings: SERVER })
  const stage = await openStage({ adminUrl: server.adminUrl, stop: () => server.close() })
  try {
    for (const { scenario, seed } of turns) {
      if (performance.now() > until) break
      signal.throwIfAborted()
      await untilQuiet(Number(set['patience'] ?? (quick ? 0 : 20)))
      const seconds = Math.max(usual, scenario.least ?? 0)
      // A machine on which nothing starts in time is no verdict on the advisor: it is tried once more.
      const play = () => stage.play((one) => scenario.run(one, seconds))
      const { evidence, load } = await play().catch(() => play())
      const run = { scenario: scenario.name, seed, seconds, load, loadAverage: loadavg()[0]!, commit }
      await archive.keep(run, evidence)
      const { right, disturbed, verdict } = await judge(scenario, run, archive)
      log(`${right ? 'right' : disturbed ? 'disturbed' : 'WRONG'} ${scenario.name}: ${headline(verdict)}`)
      await sleep(300)
    }
  } finally {
    await stage.close()
    await server.close()
  }
}

async function judge(scenario: Scenario, run: Kept, archive: Archive): Promise<Played> {
  const { load, seconds } = run
  const evidence = await archive.evidenceOf(run)
  const verdict = advise(evidence, { leastSeconds: seconds / 2, leastRequests: 60 })
  const harmed = scenario.harmless === true || load.p95 >= PROMISED_MS || load.failed > 0
  const host = evidence.hosts[0]
  const taken = host !== undefined && host.busy > 0.85 && host.other / host.cores > 0.4
  return {
    scenario,
    run,
    verdict,
    harmed,
    right: isRight(scenario, verdict, harmed),
    disturbed: taken && scenario.truth !== 'host-is-busy',
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

/** Faults that did harm, and runs in which a cause was named. */
function counted(played: readonly Played[]) {
  return {
    faults: played.filter(({ scenario, harmed }) => scenario.truth !== undefined && harmed),
    named: played.filter(({ scenario, verdict }) => verdict.bottleneck && !scenario.spared),
  }
}

function shares(all: readonly Played[]): Row[] {
  return [all, all.filter(({ disturbed }) => !disturbed)].map((played) => {
    const { faults, named } = counted(played)
    const right = (some: readonly Played[]): string => `${some.filter((one) => one.right).length} of ${some.length}`
    return { runs: played.length, 'recall of harmful faults': right(faults), 'precision of causes named': right(named) }
  })
}

function claimsOf(all: readonly Played[]) {
  const played = all.filter(({ disturbed }) => !disturbed)
  const { faults, named } = counted(played)
  const spared = played.filter(({ scenario }) => scenario.spared)
  const healthy = played.filter(({ scenario }) => scenario.truth === undefined && !scenario.spared)
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

/** A precision of what was not played says nothing. */
function playedOf(chosen: readonly Scenario[], played: readonly Played[]) {
  const missing = chosen.filter((one) => !played.some(({ scenario }) => scenario === one))
  return {
    claim: `of ${chosen.length} scenarios, not played yet`,
    goal: 0,
    value: missing.length,
    holds: missing.length === 0,
  }
}

function rowOf({ scenario, run, verdict, harmed, right, disturbed }: Played): Row {
  return {
    scenario: scenario.name,
    seed: run.seed,
    'p95 ms': Math.round(run.load.p95),
    harmed,
    truth: scenario.truth ?? 'nothing',
    named: verdict.bottleneck?.code ?? verdict.next.kind,
    confidence: verdict.bottleneck?.confidence ?? null,
    right,
    disturbed,
    load: Math.round(run.loadAverage * 10) / 10,
    played: run.commit,
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
