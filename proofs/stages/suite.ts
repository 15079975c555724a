/** The shop's own tests, unchanged, at a stage of the ladder. */
import { fileURLToPath } from 'node:url'
import { STAGES } from '../../stages/plan.ts'
import { startServers } from '../../stages/servers.ts'
import { topologyVariables } from '../../stages/topology.ts'
import { runSuite, SUITES, type Suite } from '../split/suite.ts'

const SHOP = fileURLToPath(new URL('../../examples/shop', import.meta.url))

export async function runSuiteAt(
  stage: number,
  quick: boolean,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<Suite> {
  const plan = STAGES.find((one) => one.stage === stage)!
  const stops: (() => Promise<unknown>)[] = []
  try {
    const servers = await startServers(plan, { stops, log: () => {} })
    log(`stage ${stage}: the shop's own tests`)
    const split = plan.parts.some(({ service }) => service) ? 'billing' : ''
    const variables = topologyVariables(plan, servers, SHOP)
    return await runSuite(split, quick ? SUITES.slice(0, 2) : SUITES, false, signal, variables)
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}
