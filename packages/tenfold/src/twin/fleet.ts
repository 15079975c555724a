/** One run: instances under certain conditions, a balancer in front of them, the scenario, and what was seen meanwhile. */
import { exec } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Plan, startBalancer, type Balancer } from './balancer.ts'
import { ResetFailed } from './errors.ts'
import type { Effect, Said } from './evidence.ts'
import { type Instance, startInstance } from './instance.ts'
import { type Answer, type Replayed, replay } from './replay.ts'
import type { Scenario } from './scenario.ts'
import { runScript } from './script.ts'
import { terminateWhileAnswering, type Termination } from './terminate.ts'
import type { Disk, Workspace } from './workspace.ts'

/** What stays the same in all runs. */
export interface Subject {
  command: readonly string[]
  scenario: Scenario
  workspace: Workspace
  env: Record<string, string | undefined>
  /** The user's own test, run instead of the scenario. */
  script?: string
  /** Where scripts run. */
  folder: string
  readyWithinMs: number
  /** Whether timers are fired early. */
  turnsClock: boolean
  /** Whether requests may be held back before the app sees them, as it ends. */
  holdsRequests: boolean
  signal?: AbortSignal
}

export interface Conditions {
  instances: number
  plan?: Plan
  sharedDisk?: boolean
  /** Clocks go two seconds wrong, each in another direction. */
  skewed?: boolean
  sameHostname?: boolean
  /** Variables of the first instance, the second one, … */
  envs?: Record<string, string>[]
  /** Workspaces of other releases, for the first instance, the second one, … */
  workspaces?: (Workspace | undefined)[]
  /** Requests go to so many of them only. */
  serving?: number
  /** Kills whoever has answered one of these steps, with -9, and starts it again. */
  killAfter?: ReadonlySet<number>
  /** Restarts all before each request of one of these steps. */
  restartBefore?: ReadonlySet<number>
  asExpected?: (step: number, answer: Answer) => boolean
  /** Only the answers count: waits for nothing that goes on afterwards. Defaults to false. */
  answersOnly?: boolean
  /** Ends one instance with SIGTERM while it answers. */
  terminates?: boolean
}

export interface Seen {
  name: string
  said: Said[]
  /** Files on its disk that are new or changed. */
  written: string[]
  disk: Disk
}

export interface Run {
  replayed: Replayed
  seen: Seen[]
  /** Whether programs told us what they do. */
  watched: boolean
  /** The exit code of the user's own test. */
  script?: { code: number; output: string }
  /** Instances that ended by themselves. */
  crashed: { name: string; how: string; output: string; said: Said[] }[]
  /** What became of the request that was being answered at SIGTERM. */
  termination?: Termination
}

const SKEW_MS = 2000
const HORIZON_MS = 26 * 3_600_000
const BUDGET_MS = 1500

export async function run(subject: Subject, conditions: Conditions): Promise<Run> {
  if (subject.scenario.reset) await runCommand(subject.scenario.reset, subject)
  const fleet = await startFleet(subject, conditions)
  try {
    const outcome = await drive(fleet, subject, conditions)
    if (!conditions.answersOnly) await settle(fleet)
    if (subject.turnsClock && !conditions.answersOnly) {
      await Promise.all(
        fleet.alive().map((one) => one.tell({ do: 'advance', horizonMs: HORIZON_MS, budgetMs: BUDGET_MS })),
      )
    }
    const seen = await fleet.seen()
    const crashed = fleet.alive().flatMap((one) => {
      const how = one.ended()
      return how === undefined ? [] : { name: one.name, how, output: one.output(), said: one.said() }
    })
    const watched = fleet.alive().every((one) => one.watched)
    const termination =
      conditions.terminates && crashed.length === 0 ? await terminateWhileAnswering(fleet.alive(), subject) : undefined
    return { ...outcome, seen, crashed, watched, ...(termination && { termination }) }
  } finally {
    await fleet.stop()
  }
}

interface Fleet {
  readonly balancer: Balancer
  alive(): Instance[]
  /** Kills one with -9 and starts it again, on the same disk. */
  replace(name: string): Promise<void>
  seen(): Promise<Seen[]>
  stop(): Promise<void>
}

async function startFleet(subject: Subject, conditions: Conditions): Promise<Fleet> {
  const { instances, plan = 'alternate', serving = instances } = conditions
  const names = Array.from({ length: instances }, (_, i) => String.fromCharCode(97 + i))
  const disks = conditions.sharedDisk ? [await subject.workspace.disk()] : []
  const earlier = new Map<string, Said[]>()

  const launch = async (i: number, disk?: Disk): Promise<Instance> => {
    const workspace = conditions.workspaces?.[i] ?? subject.workspace
    const name = names[i]!
    return startInstance(workspace, {
      command: subject.command,
      name,
      disk: disk ?? disks[0] ?? (await workspace.disk()),
      hostname: conditions.sameHostname ? 'twin-host' : `twin-${name}-${randomUUID().slice(0, 6)}`,
      skewMs: conditions.skewed ? (i % 2 === 0 ? SKEW_MS : -SKEW_MS) : 0,
      env: { ...subject.env, ...subject.scenario.env, ...conditions.envs?.[i] },
      ...(subject.scenario.ready && { ready: subject.scenario.ready }),
      readyWithinMs: subject.readyWithinMs,
    })
  }
  const started = await Promise.allSettled(names.map((_, i) => launch(i)))
  const running = started.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  const failed = started.find((one) => one.status === 'rejected')
  if (failed) {
    await Promise.all(running.map((one) => one.stop()))
    throw failed.reason
  }
  const balancer = await startBalancer(running.slice(0, serving), plan)
  return {
    balancer,
    alive: () => [...running],
    async replace(name) {
      const i = names.indexOf(name)
      const old = running[i]
      if (!old) return
      balancer.targets = running.filter((one) => one !== old)
      old.signal('SIGKILL')
      await old.stop()
      earlier.set(name, [...(earlier.get(name) ?? []), ...old.said()])
      running[i] = await launch(i, old.disk)
      balancer.targets = running.slice(0, serving)
    },
    seen: () =>
      Promise.all(
        running.map(async (one) => ({
          name: one.name,
          said: [...(earlier.get(one.name) ?? []), ...one.said()],
          written: await subject.workspace.written(one.disk),
          disk: one.disk,
        })),
      ),
    async stop() {
      await Promise.all([balancer.close(), ...running.map((one) => one.stop())])
    },
  }
}

async function drive(
  fleet: Fleet,
  subject: Subject,
  conditions: Conditions,
): Promise<Pick<Run, 'replayed' | 'script'>> {
  const { scenario, script, folder, env, signal } = subject
  const { killAfter, restartBefore, asExpected } = conditions
  if (script !== undefined) {
    const outcome = await runScript(script, { folder, env, url: fleet.balancer.url, ...(signal && { signal }) })
    return { replayed: { answers: [], streams: new Map() }, script: outcome }
  }
  const replayed = await replay({
    url: fleet.balancer.url,
    scenario,
    ...(asExpected && { asExpected }),
    ...(signal && { signal }),
    ...(killAfter && {
      answered: async (step: number, { instance }: Answer) => {
        if (killAfter.has(step)) await fleet.replace(instance)
      },
    }),
    ...(restartBefore && {
      asking: async (step: number) => {
        if (restartBefore.has(step)) await Promise.all(fleet.alive().map(({ name }) => fleet.replace(name)))
      },
    }),
  })
  return { replayed }
}

/** For programs that do nothing by themselves, and for those that look for work every now and then. */
const QUIET_MS = { idle: 100, busy: 400 }
const SETTLES_WITHIN_MS = 4000

/** Until the instances have done nothing outside for a while that counts. */
async function settle(fleet: Fleet): Promise<void> {
  const deadline = performance.now() + SETTLES_WITHIN_MS
  const said = (): Said[] => fleet.alive().flatMap((one) => one.said())
  for (let last = -1; performance.now() < deadline;) {
    const now = said()
    const looksForWork = now.some((one) => one.kind === 'effect' && !one.effect.during && one.effect.timer)
    const count = onceEffects(now).length
    if (last === count) return
    last = count
    await sleep(looksForWork ? QUIET_MS.busy : QUIET_MS.idle)
  }
}

export function onceEffects(said: readonly Said[]): Effect[] {
  return said.flatMap((one) => (one.kind === 'effect' && one.effect.once ? one.effect : []))
}

/** A command of the user's own, in the app's folder. */
export function runCommand(command: string, { folder, env }: Pick<Subject, 'folder' | 'env'>): Promise<void> {
  return new Promise((resolve, reject) => {
    exec(command, { cwd: folder, env: env as NodeJS.ProcessEnv }, (error, stdout, stderr) => {
      if (!error) return resolve()
      const said = `${stdout}${stderr}`.trim().split('\n').slice(-5).join('\n')
      reject(ResetFailed({ command, code: error.code ?? 1, said }))
    })
  })
}
