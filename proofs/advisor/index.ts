import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { advise, headline, type Verdict } from '../../packages/tenfold/src/advisor/index.ts'
import { startTestServer } from '../../packages/tenfold/src/database/testing/index.ts'
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
}

/** Faults are planted, and the advisor is asked. */
const proof: Claims = {
  name: 'advisor',
  about:
    'faults are planted in an app under load; the advisor has to name each, and to advise nothing where nothing is wrong',
  options: {
    only: 'scenarios whose names contain this, separated by commas',
    seconds: 'length of each (default 12)',
    seeds: 'how often each is played (default 1)',
    save: 'folder for the evidence of each',
    patience: 'seconds to wait for a quiet machine before each (default 20)',
  },
  async run({ set, log, signal, quick }) {
    const wanted = set['only']?.split(',')
    const chosen = SCENARIOS.filter(({ name }) => !wanted || wanted.some((one) => name.includes(one)))
    const seconds = Number(set['seconds'] ?? (quick ? 8 : 12))
    const server = await startTestServer()
    const stage = await openStage(server)
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
      await server.stop()
    }
    return { claims: claimsOf(played), rows: played.map(rowOf) }
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
  return { scenario, verdict, p95: load.p95, harmed, right, disturbed: disturbed && scenario.truth !== 'host-is-busy' }
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
function isRight({ truth, also = [] }: Scenario, { bottleneck, next }: Verdict, harmed: boolean): boolean {
  if (truth === undefined) return next.kind === 'nothing'
  if (!bottleneck) return !harmed
  return bottleneck.code === truth || also.includes(bottleneck.code)
}

function claimsOf(all: readonly Played[]) {
  const played = all.filter(({ disturbed }) => !disturbed)
  const faults = played.filter(({ scenario, harmed }) => scenario.truth !== undefined && harmed)
  const healthy = played.filter(({ scenario }) => scenario.truth === undefined)
  const named = played.filter(({ verdict }) => verdict.bottleneck)
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
      claim: `of ${faults.length} faults that did harm, named first`,
      goal: 'at least 90 %',
      value: percent(share(faults)),
      holds: share(faults) >= 0.9,
    },
    {
      claim: `of ${named.length} causes named, true`,
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
      claim: 'runs in which others took the machine, left out above',
      goal: 'at most a third',
      value: all.length - played.length,
      holds: all.length - played.length <= all.length / 3,
    },
    { claim: 'machines advised where code was at fault', goal: 0, value: costly.length, holds: costly.length === 0 },
  ]
}

function rowOf({ scenario, verdict, p95, harmed, right, disturbed }: Played): Row {
  return {
    scenario: scenario.name,
    'p95 ms': Math.round(p95),
    harmed,
    truth: scenario.truth ?? 'nothing',
    named: verdict.bottleneck?.code ?? verdict.next.kind,
    confidence: verdict.bottleneck?.confidence ?? null,
    right,
    disturbed,
  }
}
