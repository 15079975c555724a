/** A load run from its plan to its result. */
import { cpus } from 'node:os'
import { systemClock, toMs } from '../kernel/index.ts'
import { LogLinear } from '../telemetry/index.ts'
import { GeneratorFailed, NothingToLoad } from './errors.ts'
import type { Observer } from './felt.ts'
import { Gathering, quantilesOf } from './gather.ts'
import { type Fleet, startFleet } from './generate/fleet.ts'
import { judgeThresholds } from './judge/thresholds.ts'
import { type Goal, meets } from './judge/knee.ts'
import type { LoadResult, PlainRequest, Scenario, Stage, StepResult } from './load.ts'
import { scenarioOf } from './scenario.ts'
import { isThisMachine } from './target.ts'

export interface RunOptions {
  /** An origin that `checkTarget` has let pass. */
  url: string
  /** A scenario's file, or requests as data. */
  file?: string
  requests?: PlainRequest[]
  /** In place of those of the scenario. */
  stages?: readonly Stage[]
  thresholds?: Record<string, number>
  name?: string
  /** How often all stages are gone through, so that they can be compared. Defaults to 1. */
  repeat?: number
  /** Not counted, at the first stage's load, before everything. In milliseconds, defaults to 2000. */
  warmUpMs?: number
  /** Visitors come as independent people do. Defaults to false: evenly. */
  poisson?: boolean
  seed?: number
  /** Generator processes. Defaults to one for each 1500 visitors a second, at most one for each core. */
  processes?: number
  /** In place of stages: looks for the highest rate that meets this goal. */
  search?: Goal & { from: number; for: number }
  release?: string
  observer?: Observer
  onProgress?: (progress: Progress) => void
  signal?: AbortSignal
  notes?: readonly string[]
}

export interface Progress {
  step: string
  /** From 0 to 1, of this step. */
  done: number
  p95: number
  completed: number
  errors: number
}

const PER_PROCESS = 1500
const PIECES_OF_RAMP = 10
const DEFAULT_STAGES: readonly Stage[] = [{ rate: 10, for: '30s' }]

export async function runLoad(options: RunOptions): Promise<LoadResult> {
  const { url, file, requests, repeat = 1, seed = 1, signal } = options
  const scenario = await scenarioOf(file, requests)
  if (Object.keys(scenario.flows).length === 0) throw NothingToLoad({ what: 'no request was found' })
  const stages = options.stages ?? scenario.stages ?? DEFAULT_STAGES
  const processes = options.processes ?? processesFor(stages, options.search)
  const setup = { url, seed, ...(file !== undefined && { file }), ...(requests && { requests }) }
  const fleet = await startFleet(processes, setup)
  const startedAt = systemClock.now()
  const run = new Run(fleet, options, startedAt)
  const notes = [...(options.notes ?? [])]
  try {
    const first = options.search ? [{ rate: options.search.from, for: '1s' } as const] : stages
    await run.warmUp(first[0]!, options.warmUpMs ?? 2000)
    if (options.search) await search(run, options.search, notes)
    else {
      for (let round = 0; round < repeat; round++) {
        for (const stage of stages) {
          if (signal?.aborted) break
          await run.stage(stage, round)
        }
      }
    }
  } finally {
    fleet.stop()
  }
  if (signal?.aborted) notes.push('the run was stopped before its end')
  if (run.steps.length === 0) throw GeneratorFailed({ reason: 'it was stopped before the first step had ended' })
  await options.observer?.complete(run.steps)
  return resultOf(run, { ...options, name: options.name ?? scenario.name }, scenario, startedAt, notes)
}

class Run {
  readonly steps: StepResult[] = []
  readonly latency = new LogLinear()
  readonly service = new LogLinear()
  readonly fleet: Fleet
  private readonly options: RunOptions
  private readonly startedAt: number
  private visitors = 0

  constructor(fleet: Fleet, options: RunOptions, startedAt: number) {
    this.fleet = fleet
    this.options = options
    this.startedAt = startedAt
  }

  /** Compilers, caches and connections: what is slow once is not what is measured. */
  async warmUp(stage: Stage, ms: number): Promise<void> {
    if (ms > 0) await this.perform(stage, ms, new Gathering(), 'warming up')
  }

  /** A ramp gives several results, one for each piece of it. */
  async stage(stage: Stage, round: number): Promise<StepResult> {
    const ms = toMs(stage.for)
    if ('users' in stage || stage.to === undefined || stage.to === stage.rate) return this.step(stage, ms, round)
    const pieces = Math.max(1, Math.min(PIECES_OF_RAMP, Math.floor(ms / 1000)))
    const slope = (stage.to - stage.rate) / pieces
    let last: StepResult | undefined
    for (let i = 0; i < pieces && !this.options.signal?.aborted; i++) {
      const piece = { rate: stage.rate + slope * i, to: stage.rate + slope * (i + 1), for: ms / pieces }
      last = await this.step(piece, ms / pieces, round)
    }
    return last!
  }

  private async step(stage: Stage, ms: number, round: number): Promise<StepResult> {
    const gathering = new Gathering()
    const startedAt = systemClock.now()
    const observed = this.options.observer?.begin()
    const work = await this.perform(stage, ms, gathering, wordsOf(stage))
    const felt = await observed?.end()
    const open = !('users' in stage)
    const rate = open ? (stage.rate + (stage.to ?? stage.rate)) / 2 : 0
    const step = gathering.result({
      kind: open ? 'open' : 'closed',
      round,
      from: (startedAt - this.startedAt) / 1000,
      seconds: ms / 1000,
      startedAt,
      rate,
      ...work,
      ...(!open && { users: stage.users }),
    })
    this.latency.merge(gathering.latency.buckets(), gathering.latency)
    this.service.merge(gathering.service.buckets(), gathering.service)
    this.steps.push(felt ? { ...step, felt } : step)
    return this.steps.at(-1)!
  }

  private async perform(stage: Stage, ms: number, gathering: Gathering, words: string) {
    const { poisson = false, seed = 1, onProgress } = this.options
    const [from, to] = 'users' in stage ? [0, 0] : [stage.rate, stage.to ?? stage.rate]
    const began = systemClock.elapsed()
    const first = this.visitors
    const work = { from, to, users: 'users' in stage ? stage.users : 0, ms, poisson, seed: seed + first, first }
    return this.fleet.run(work, (tally) => {
      gathering.add(tally)
      this.visitors += tally.due
      const done = Math.min(1, (systemClock.elapsed() - began) / ms)
      onProgress?.({ step: words, done, ...gathering.latest() })
    })
  }
}

/** Doubles until the goal is missed, then halves the distance three times. */
async function search(
  run: Run,
  { from, for: ms, ...goal }: NonNullable<RunOptions['search']>,
  notes: string[],
): Promise<void> {
  let [good, bad] = [0, Infinity]
  for (let rate = from, tries = 0; tries < 14; tries++) {
    const step = await run.stage({ rate, for: ms }, 0)
    if (step.invalid.length > 0) {
      notes.push(`the search ended at ${Math.round(rate)} a second: there the generator was the limit`)
      return
    }
    if (meets(step, goal)) good = Math.max(good, rate)
    else bad = Math.min(bad, rate)
    if (bad === Infinity) rate *= 2
    else if (bad / Math.max(good, 1e-9) < 1.1 || rate < 0.5) return
    else rate = good === 0 ? bad / 2 : (good + bad) / 2
  }
}

function resultOf(
  run: Run,
  { url, seed = 1, release, thresholds, name = 'requests' }: RunOptions,
  scenario: Scenario,
  startedAt: number,
  notes: string[],
): LoadResult {
  const { steps } = run
  const errors: Record<string, number> = {}
  for (const step of steps) for (const [kind, n] of Object.entries(step.errors)) errors[kind] = (errors[kind] ?? 0) + n
  const requests = steps.reduce((sum, step) => sum + step.requests, 0)
  const failed = Object.values(errors).reduce((sum, n) => sum + n, 0)
  const total = {
    latency: quantilesOf(run.latency),
    service: quantilesOf(run.service),
    requests,
    errors,
    errorShare: failed / Math.max(1, requests + steps.reduce((sum, step) => sum + step.generator.noRoom, 0)),
  }
  const invalid = [...new Set(steps.flatMap((step) => step.invalid))]
  const [processor] = cpus()
  return {
    version: 1,
    id: idOf(startedAt),
    scenario: name,
    url,
    startedAt,
    endedAt: systemClock.now(),
    seed,
    processes: run.fleet.processes,
    machine: {
      cores: cpus().length,
      model: processor?.model ?? 'unknown',
      node: process.versions.node,
      withTarget: isThisMachine(new URL(url).hostname),
    },
    ...(release !== undefined && { release }),
    steps,
    total,
    valid: invalid.length === 0,
    invalid,
    thresholds: judgeThresholds({ ...scenario.thresholds, ...thresholds }, steps, total),
    notes,
  }
}

function processesFor(stages: readonly Stage[], wanted: RunOptions['search']): number {
  const rates = stages.map((stage) => ('users' in stage ? 0 : Math.max(stage.rate, stage.to ?? 0)))
  const most = wanted ? PER_PROCESS : Math.max(...rates, 1)
  return Math.min(cpus().length, Math.ceil(most / PER_PROCESS))
}

function wordsOf(stage: Stage): string {
  if ('users' in stage) return `${stage.users} users`
  const rate = Math.round(((stage.rate + (stage.to ?? stage.rate)) / 2) * 10) / 10
  return `${rate}/s`
}

function idOf(ms: number): string {
  const [day, time] = new Date(ms).toISOString().split('T') as [string, string]
  return `${day.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`
}
