import { pathToFileURL } from 'node:url'
import { messageOf, TenfoldError } from '../kernel/index.ts'
import { BadScenario } from './errors.ts'
import type { PlainRequest, Scenario } from './load.ts'

/** The scenario in a file, or one that sends these requests. Throws TF_LOAD_SCENARIO with the reason. */
export async function scenarioOf(file: string | undefined, requests: PlainRequest[] = []): Promise<Scenario> {
  if (file === undefined) return fromRequests(requests)
  try {
    const { default: scenario } = (await import(pathToFileURL(file).href)) as { default?: Scenario }
    return checked(scenario, file)
  } catch (error) {
    if (error instanceof TenfoldError) throw error
    throw BadScenario({ file, problem: messageOf(error) }, { cause: error })
  }
}

function checked(scenario: Scenario | undefined, file: string): Scenario {
  const problem = problemOf(scenario)
  if (problem !== undefined) throw BadScenario({ file, problem })
  return scenario!
}

function problemOf(scenario: Scenario | undefined): string | undefined {
  if (typeof scenario !== 'object' || scenario === null) return 'it has no default export that is an object'
  if (typeof scenario.name !== 'string' || scenario.name === '') return 'it has no name'
  const flows = Object.entries(scenario.flows ?? {})
  if (flows.length === 0) return 'it has no flows'
  for (const [name, flow] of flows) {
    const { run, weight = 1 } = typeof flow === 'function' ? { run: flow } : flow
    if (typeof run !== 'function') return `flow '${name}' is no function and has no \`run\``
    if (!(weight > 0)) return `the weight of flow '${name}' is ${weight}; it has to be above 0`
  }
  for (const [i, stage] of (scenario.stages ?? []).entries()) {
    const size = 'users' in stage ? stage.users : Math.max(stage.rate, stage.to ?? 0)
    if (!(size > 0)) return `stage ${i + 1} has no rate and no users above 0`
    if (stage.for === undefined) return `stage ${i + 1} does not say for how long`
  }
  for (const [name, most] of Object.entries(scenario.thresholds ?? {})) {
    if (!/^(.+ )?(p50|p90|p95|p99|p999|max|mean|errors)$/.test(name)) {
      return `threshold '${name}' is not p50, p90, p95, p99, p999, max, mean or errors, with or without a route before it`
    }
    if (typeof most !== 'number' || !(most >= 0)) return `threshold '${name}' is no number`
  }
  return undefined
}

function fromRequests(requests: PlainRequest[]): Scenario {
  const flows = requests.map(({ route, path, weight }): [string, Scenario['flows'][string]] => [
    `${route} ${path}`,
    { weight, run: ({ request }) => request(route, { path }) },
  ])
  return { name: 'requests', flows: Object.fromEntries(flows) }
}
