import { mkdir, writeFile } from 'node:fs/promises'
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
          const one = await playOne(stage, scenario, seconds, set['save'])
          log(`${one.right ? 'right' : 'WRONG'} ${scenario.name}: ${headline(one.verdict)}`)
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
  return { scenario, verdict, p95: load.p95, harmed, right: isRight(scenario, verdict, harmed) }
}

/** A fault that harmed nobody need not be named; whatever is named has to be true. */
function isRight({ truth, also = [] }: Scenario, { bottleneck, next }: Verdict, harmed: boolean): boolean {
  if (truth === undefined) return next.kind === 'nothing'
  if (!bottleneck) return !harmed
  return bottleneck.code === truth || also.includes(bottleneck.code)
}

function claimsOf(played: readonly Played[]) {
  const faults = played.filter(({ scenario, harmed }) => scenario.truth !== undefined && harmed)
  const healthy = played.filter(({ scenario }) => scenario.truth === undefined)
  const named = played.filter(({ verdict }) => verdict.bottleneck)
  const share = (all: readonly Played[]): number =>
    all.length === 0 ? 1 : all.filter(({ right }) => right).length / all.length
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
    { claim: 'machines advised where code was at fault', goal: 0, value: costly.length, holds: costly.length === 0 },
  ]
}

function rowOf({ scenario, verdict, p95, harmed, right }: Played): Row {
  return {
    scenario: scenario.name,
    'p95 ms': Math.round(p95),
    harmed,
    truth: scenario.truth ?? 'nothing',
    named: verdict.bottleneck?.code ?? verdict.next.kind,
    confidence: verdict.bottleneck?.confidence ?? null,
    right,
  }
}
