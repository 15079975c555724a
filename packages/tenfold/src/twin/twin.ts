/** The twin test: what happens when two of these run at once?
 *
 *  The scenario runs twice with one instance: what differs between those two is noise. Then it runs with several, each with a
 *  disk, a hostname and a clock of its own, behind a balancer without stickiness: once with requests in turn, once with
 *  everything that changes something on one side and everything that reads on the other. What differs then, and differs again
 *  when it is repeated, is an assumption of a single instance. Which one, further runs say, with one condition taken away in
 *  each: the same disk for all, clocks that are right, instances restarted before the answer. */
import type { Plan } from './balancer.ts'
import { type Difference, differences, type Expected, expectedFrom, isAsExpected } from './compare.ts'
import { explain, plainCauseOf, type Symptoms } from './diagnose.ts'
import {
  duplicateTicks,
  duplicateWork,
  filesShared,
  missing,
  stepsWithWorkAfter,
  workOfTheWrongRole,
} from './doings.ts'
import { AloneFails, InstanceEnded } from './errors.ts'
import type { Said } from './evidence.ts'
import { type Evidence, type Finding, finding, type Note } from './findings.ts'
import { type Conditions, type Run, run, runCommand, type Subject } from './fleet.ts'
import { notesFrom } from './notes.ts'
import { type Pooled, throughPooler } from './pooler/pooled.ts'
import type { Scenario } from './scenario.ts'
import { createWorkspace } from './workspace.ts'

export interface TwinOptions {
  /** The program and its arguments; `{port}` stands for the port, which is also in the variable PORT. */
  command: readonly string[]
  /** The app's folder. Each instance gets a copy. */
  folder: string
  scenario: Scenario
  /** The user's own test, run with BASE_URL instead of the scenario. */
  script?: string
  /** How many at once. Defaults to 2. */
  instances?: number
  /** Defaults to the environment of this process. */
  env?: Record<string, string | undefined>
  /** The folder of another release, which runs beside this one. */
  beside?: string
  /** How long an instance may take until it accepts connections, in milliseconds. Defaults to 60,000. */
  readyWithinMs?: number
  /** Whether the clocks of Node.js programs are turned forward after the scenario, so that crons fire. Defaults to true. */
  turnsClock?: boolean
  /** Whether requests may be held back before the app sees them, to end it meanwhile. Defaults to true; to be false for
   *  servers that end all connections as soon as their own count of requests is zero. */
  holdsRequests?: boolean
  /** Whether an app with a DATABASE_URL is also run behind PgBouncer in transaction mode, where that is installed. Defaults to
   *  true. */
  pooler?: boolean
  /** What is being done. */
  progress?: (line: string) => void
  signal?: AbortSignal
}

export interface TwinReport {
  passed: boolean
  command: string
  instances: number
  steps: number
  /** How many times the app was started and asked. */
  runs: number
  ms: number
  /** Whether the programs could be watched from inside (Node.js), or were judged by their answers alone. */
  watched: boolean
  findings: Finding[]
  notes: Note[]
}

/** @example
 *  const report = await twin({ command: ['node', 'server.js'], folder: '.', scenario: { steps: [{ request: 'GET /' }] } })
 *  report.findings.map(({ cause, places }) => [cause, places])      // -> [['memory-sessions', [{ file: 'server.js', line: 7 }]]] */
export async function twin(options: TwinOptions): Promise<TwinReport> {
  const started = performance.now()
  const workspace = await createWorkspace(options.folder)
  const other = options.beside === undefined ? undefined : await createWorkspace(options.beside)
  const { progress = () => {}, instances = 2 } = options
  const subject: Subject = {
    command: options.command,
    scenario: options.scenario,
    workspace,
    env: options.env ?? process.env,
    ...(options.script !== undefined && { script: options.script }),
    folder: options.folder,
    readyWithinMs: options.readyWithinMs ?? 60_000,
    turnsClock: options.turnsClock ?? true,
    holdsRequests: options.holdsRequests ?? true,
    ...(options.signal && { signal: options.signal }),
  }
  let runs = 0
  const runWith: RunWith = (conditions, about) => {
    runs++
    progress(about)
    return run(subject, conditions)
  }
  try {
    if (options.scenario.prepare !== undefined) await runCommand(options.scenario.prepare, subject)
    const { findings, together, pooled } = await examine(subject, runWith, instances, options.pooler ?? true)
    if (other) findings.push(...(await besideEachOther(subject, runWith, other)))
    return {
      passed: findings.length === 0,
      command: options.command.join(' '),
      instances,
      steps: options.scenario.steps.length,
      runs,
      ms: Math.round(performance.now() - started),
      watched: together.every(({ watched }) => watched),
      findings,
      notes: [...notesFrom(together, findings), ...(pooled?.note ? [pooled.note] : [])],
    }
  } finally {
    await workspace.remove()
    await other?.remove()
  }
}

type RunWith = (conditions: Conditions, about: string) => Promise<Run>

async function examine(
  subject: Subject,
  runWith: RunWith,
  instances: number,
  pooler: boolean,
): Promise<{ findings: Finding[]; together: Run[]; pooled?: Pooled }> {
  const alone = [
    await runWith({ instances: 1 }, 'one instance'),
    await runWith({ instances: 1 }, 'one instance, again'),
  ]
  for (const { script } of alone)
    if (script && script.code !== 0) throw AloneFails({ command: subject.script!, said: script.output })
  const expected = expectedFrom(subject.scenario, alone[0]!.replayed, alone[1]!.replayed)
  const asExpected = (step: number, answer: Parameters<typeof isAsExpected>[2]): boolean =>
    isAsExpected(expected, step, answer)

  const several: Conditions = { instances, skewed: true, asExpected }
  const together: Run[] = []
  for (const plan of PLANS) {
    const about =
      plan === 'alternate' ? `${instances} instances, in turn` : `${instances} instances, reads apart from writes`
    try {
      together.push(await runWith({ ...several, plan, terminates: plan === 'alternate' }, about))
      const refused = together
        .at(-1)!
        .crashed.map(({ output, said }) => portTaken(output, said))
        .find(Boolean)
      if (refused) return { findings: [refused], together }
    } catch (error) {
      const refused = InstanceEnded.is(error) ? portTaken(error.details.said, error.details.evidence) : undefined
      if (refused) return { findings: [refused], together }
      throw error
    }
  }
  const compare = (got: Run): Difference[] => differencesOf(subject, expected, got)
  const findings: Finding[] = []
  if (!alone.some(({ crashed }) => crashed.length > 0)) findings.push(...together.flatMap(crashes).slice(0, 1))
  const lost = together[0]?.termination
  if (lost && !lost.answered) findings.push(finding('lost-requests', [], [{ kind: 'how', text: lost.how }]))

  const differing = await confirm(together, several, compare, runWith)
  if (differing.length > 0) {
    const symptoms = { differences: differing.map(({ difference }) => difference), alone, together }
    findings.push(...explain(await experiment(symptoms, differing, several, compare, runWith)))
  }

  const ticks = duplicateTicks(alone, together)
  const work = duplicateWork(alone, together, ticks)
  if (ticks) findings.push(ticks)
  if (work) findings.push(work)
  const shared = findings.some(({ cause }) => cause === 'local-files') ? undefined : filesShared(together)
  if (shared) findings.push(shared)

  const further = [
    await killedAfterAnswers(subject, runWith, alone, several, compare, findings),
    await onOneHostname(runWith, alone, together, several, compare),
    await inRoles(subject, runWith),
  ]
  findings.push(...further.filter((one) => one !== undefined))
  const env = { ...subject.env, ...subject.scenario.env }
  const pooled = pooler ? await throughPooler({ env, runWith, compare }) : {}
  if (pooled.finding) findings.push(pooled.finding)
  return { findings, together, pooled }
}

interface Confirmed {
  plan: Plan
  difference: Difference
}

const PLANS: readonly Plan[] = ['alternate', 'apart']

/** Differences that are seen again, and not with one instance. Each step counts once, in the plan that shows it first. */
async function confirm(
  together: Run[],
  several: Conditions,
  compare: (got: Run) => Difference[],
  runWith: RunWith,
): Promise<Confirmed[]> {
  const confirmed = new Map<number, Confirmed>()
  for (const [i, plan] of PLANS.entries()) {
    const found = together[i] ? compare(together[i]).filter(({ step }) => !confirmed.has(step)) : []
    if (found.length === 0) continue
    const again = compare(await runWith({ ...several, plan, answersOnly: true }, 'the same again, to be sure'))
    for (const one of found) {
      if (again.some(({ step, at }) => step === one.step && at === one.at))
        confirmed.set(one.step, { plan, difference: one })
    }
  }
  if (confirmed.size === 0) return []
  const alone = compare(await runWith({ instances: 1, answersOnly: true }, 'one instance, once more'))
  return [...confirmed.values()].filter(({ difference }) => !alone.some(({ step }) => step === difference.step))
}

/** Takes one condition away at a time, in the plans that showed a difference, until each one is explained. */
async function experiment(
  symptoms: Symptoms,
  differing: Confirmed[],
  several: Conditions,
  compare: (got: Run) => Difference[],
  runWith: RunWith,
): Promise<Symptoms> {
  const retry = async (left: Confirmed[], conditions: Partial<Conditions>, about: string): Promise<Difference[]> => {
    const found: Difference[] = []
    for (const plan of new Set(left.map((one) => one.plan))) {
      const got = compare(await runWith({ ...several, ...conditions, plan, answersOnly: true }, about))
      const own = left.filter((one) => one.plan === plan).map(({ difference }) => difference.step)
      found.push(...got.filter(({ step }) => own.includes(step)))
    }
    return found
  }
  const stillDiffers = (found: Difference[], { difference }: Confirmed): boolean =>
    found.some(({ step }) => step === difference.step)
  const tried: Symptoms = { ...symptoms }
  let left = differing
  if (symptoms.together.some(({ seen }) => seen.some(({ written }) => written.length > 0))) {
    const found = await retry(left, { sharedDisk: true }, 'with one disk for all')
    tried.withSharedDisk = found
    left = left.filter((one) => stillDiffers(found, one))
  }
  left = left.filter(({ difference }) => plainCauseOf(difference, tried) === undefined)
  if (left.length > 0) {
    const found = await retry(left, { skewed: false }, 'with clocks that are right')
    tried.withoutSkew = found
    left = left.filter((one) => stillDiffers(found, one))
  }
  if (left.length > 0) {
    const restartBefore = new Set(left.map(({ difference }) => difference.step))
    tried.afterRestart = await retry(left, { restartBefore }, 'restarted before the answer')
  }
  return tried
}

function differencesOf(subject: Subject, expected: Expected, got: Run): Difference[] {
  const { script } = got
  if (!script) return differences(subject.scenario, expected, got.replayed)
  if (script.code === 0) return []
  const request = subject.script ?? ''
  return [{ step: 0, request, at: 'status', alone: 'passes', together: script.output, instance: '' }]
}

/** Whether what goes on after an answer is lost with the process. */
async function killedAfterAnswers(
  subject: Subject,
  runWith: RunWith,
  alone: Run[],
  several: Conditions,
  compare: (got: Run) => Difference[],
  known: Finding[],
): Promise<Finding | undefined> {
  const steps = stepsWithWorkAfter(alone)
  if (steps.size === 0 || subject.script !== undefined) return undefined
  const conditions: Conditions = { ...several, skewed: false, killAfter: new Set(steps.keys()) }
  const killed = await runWith(conditions, 'killed after an answer')
  const explained = new Set(known.flatMap((one) => one.differences.map(({ step }) => step)))
  const differing = compare(killed).filter(({ step }) => !explained.has(step))
  const undone = missing(alone[0]!, killed)
  if (differing.length === 0 && undone.length === 0) return undefined
  const again = await runWith(conditions, 'killed after an answer, again')
  if (compare(again).length === 0 && missing(alone[0]!, again).length === 0) return undefined
  const effects = undone.map((what): Evidence => ({ kind: 'effect', what, alone: 1, together: 0 }))
  return finding('lost-work', differing, [...steps.values(), ...effects])
}

/** Programs that ask for the hostname may take it for a name of their own. */
async function onOneHostname(
  runWith: RunWith,
  alone: Run[],
  together: Run[],
  several: Conditions,
  compare: (got: Run) => Difference[],
): Promise<Finding | undefined> {
  const places = together.flatMap(({ seen }) =>
    seen.flatMap(({ said }) => said.filter(({ kind }) => kind === 'hostname')),
  )
  if (places.length === 0) return undefined
  const before = new Set(together.flatMap(compare).map(({ step }) => step))
  const usual = duplicateTicks(alone, together)
  const busy = duplicateWork(alone, together, usual) !== undefined
  const judge = (runs: readonly Run[]): Omit<Finding, 'cause' | 'places'> => {
    const differing = runs
      .map((one) => compare(one).filter(({ step }) => !before.has(step)))
      .reduce((first, second) => first.filter(({ step }) => second.some((one) => one.step === step)))
    const ticks = usual ? undefined : duplicateTicks(alone, runs)
    const work = busy ? undefined : duplicateWork(alone, runs, ticks)
    return { differences: differing, evidence: [...(ticks?.evidence ?? []), ...(work?.evidence ?? [])] }
  }
  const isNothing = ({ differences: some, evidence }: ReturnType<typeof judge>): boolean =>
    some.length + evidence.length === 0
  const same: Conditions = { ...several, skewed: false, sameHostname: true }
  const first = await runWith(same, 'on one hostname')
  if (isNothing(judge([first]))) return undefined
  const found = judge([first, await runWith(same, 'on one hostname, again')])
  if (isNothing(found)) return undefined
  const asks = [...new Map(places.map((one) => [JSON.stringify(one), one as Evidence])).values()]
  return finding('same-hostname', found.differences, [...asks, ...found.evidence])
}

/** With roles, the first one answers requests and leaves everything else to the others. */
async function inRoles(subject: Subject, runWith: RunWith): Promise<Finding | undefined> {
  const roles = Object.values(subject.scenario.roles ?? {})
  if (roles.length < 2) return undefined
  const conditions: Conditions = { instances: roles.length, envs: roles, serving: 1 }
  const first = workOfTheWrongRole(await runWith(conditions, 'in roles'), 'a')
  return first && workOfTheWrongRole(await runWith(conditions, 'in roles, again'), 'a')
}

/** The other release beside this one: what neither of them refuses when it is alone, nobody may refuse now. */
async function besideEachOther(subject: Subject, runWith: RunWith, other: Subject['workspace']): Promise<Finding[]> {
  const own = await runWith({ instances: 1 }, 'this release')
  const old = await runWith({ instances: 1, workspaces: [other] }, 'the other release')
  const expected: Expected = { replayed: own.replayed, noise: new Set() }
  const fails = (status: number): boolean => status === 0 || status >= 400
  const found: Difference[][] = []
  for (const workspaces of [
    [other, undefined],
    [undefined, other],
  ]) {
    for (const plan of PLANS) {
      const mixed = await runWith({ instances: 2, plan, workspaces, answersOnly: true }, 'both releases')
      found.push(
        differences(subject.scenario, expected, mixed.replayed).filter(({ step, at }) => {
          const statuses = [own, old].map(({ replayed }) => replayed.answers[step]?.[0]?.status ?? 200)
          const now = mixed.replayed.answers[step] ?? []
          return at === 'status' && !statuses.some(fails) && now.some(({ status }) => fails(status))
        }),
      )
    }
  }
  const differing = [...new Map(found.flat().map((one) => [one.step, one])).values()]
  return differing.length > 0 ? [finding('releases', differing, [])] : []
}

function crashes({ crashed }: Run): Finding[] {
  return crashed.map(({ name, how, output }) =>
    finding('unexplained', [], [{ kind: 'how', text: `instance ${name} ended by itself (${how}):\n${output}` }]),
  )
}

/** The second instance could not go on, because the first one has the port. */
function portTaken(output: string, said: readonly Said[]): Finding | undefined {
  if (!/EADDRINUSE|address already in use/i.test(output)) return undefined
  const port = Number((/\bport: (\d+)/.exec(output) ?? /EADDRINUSE.*:(\d+)\s*$/m.exec(output))?.[1] ?? 0)
  const listening = said.flatMap((one) => (one.kind === 'listen' && one.wanted === port ? one : []))
  return finding('fixed-port', [], [{ kind: 'port', port, ...(listening[0]?.at && { at: listening[0].at }) }])
}
