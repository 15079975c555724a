import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { connect, type Connected } from '../../app/index.ts'
import {
  checkTarget,
  compareRuns,
  DEFAULT_GOAL,
  findResult,
  fitUsl,
  fromRoutes,
  fromTelemetry,
  keepResult,
  kneeOf,
  openObserver,
  pointsOf,
  reportOf,
  runLoad,
  wordsOfComparison,
  wordsOfKnee,
  wordsOfUsl,
  type Goal,
  type LoadResult,
  type Observer,
  type PlainRequest,
  type Progress,
} from '../../load/index.ts'
import type { Command, Invocation } from '../command.ts'
import { BadOptionValue, MissingArgument } from '../errors.ts'
import type { Output } from '../output.ts'
import { loadProject, type Project } from '../project.ts'
import { runsFolder, shown } from '../runs.ts'
import { durationOf, numberOf, stagesOf, thresholdsOf } from '../stages.ts'

export const load: Command = {
  args: '[<scenario>]',
  maxArgs: 1,
  options: {
    url: { type: 'string', value: '<url>', about: 'the app (default: http://127.0.0.1 with PORT, else 3000)' },
    route: { type: 'string', value: '<path>', about: 'in place of a scenario: GET this path' },
    routes: { type: 'boolean', about: 'in place of a scenario: every public GET route without parameters' },
    traffic: {
      type: 'string',
      value: '<hours>',
      about: 'in place of a scenario: what was asked lately, as often as it was',
    },
    rate: { type: 'string', value: '<n>', about: 'visitors a second: 50, steps 50,100,200, or a ramp 10..500' },
    users: { type: 'string', value: '<n>', about: 'closed: so many who come again at once, 1,2,4,8; for scalability' },
    for: { type: 'string', value: '<time>', about: 'how long each step is (default: 10s), or the ramp' },
    repeat: { type: 'string', value: '<n>', about: 'goes through all steps so often, to be compared (default: 1)' },
    'warm-up': { type: 'string', value: '<time>', about: 'before everything and not counted (default: 2s)' },
    'find-knee': { type: 'boolean', about: 'looks for the highest rate that meets --slo' },
    slo: { type: 'string', value: '<ms>', about: 'what p95 may be at the knee (default: 500)' },
    threshold: { type: 'string', value: '<rules>', about: 'at most so much: p95=200,errors=0.01' },
    baseline: { type: 'string', value: '<run>', about: 'compares with this run; slower is a failure' },
    poisson: { type: 'boolean', about: 'visitors come as independent people do, not evenly' },
    seed: { type: 'string', value: '<n>', about: 'repeats random choices (default: 1)' },
    processes: { type: 'string', value: '<n>', about: 'generator processes (default: one for each 1500 a second)' },
    report: {
      type: 'string',
      value: '<file>',
      about: 'where the HTML report goes (default: .tenfold/load/<run>.html)',
    },
    'allow-host': { type: 'string', value: '<host>', about: 'a host that is not this machine and that you may load' },
  },
  examples: [
    'tenfold load load/browse.ts',
    'tenfold load --route /products --rate 20,40,80,160 --for 10s',
    'tenfold load --traffic 24 --find-knee --slo 200',
    'tenfold load load/browse.ts --repeat 5 --baseline .tenfold/load/main.json',
    'tenfold load --route /products --users 1,2,4,8,16,32',
  ],
  async run(invocation) {
    const { args, flags, output } = invocation
    const plan = planOf(invocation)
    const project = await loadProject(flags).catch(() => undefined)
    const url = await checkTarget(plan.url, plan.allowed)
    const connected = project && (await connect(project.app, project.root).catch(() => undefined))
    const stop = stopOnce()
    const progress = showProgress(output)
    let observer: Observer | undefined
    try {
      const notes: string[] = []
      const from = await sourceOf(args[0], flags, project, connected, notes)
      observer = connected && (await openObserver(connected.target.url).catch(() => undefined))
      if (!observer)
        notes.push(
          'what the app and its database felt is not known: there is no project here, or its database cannot be reached',
        )
      const result = await runLoad({
        url,
        ...from,
        ...plan.run,
        notes,
        signal: stop.signal,
        onProgress: progress.on,
        ...(observer && { observer }),
        ...(project && { release: project.version }),
      }).finally(progress.end)
      return finish(result, plan, project, flags, output)
    } finally {
      stop.end()
      await observer?.close()
      await connected?.close()
    }
  },
}

interface LoadPlan {
  url: string
  allowed: string | undefined
  goal: Goal
  run: Partial<Parameters<typeof runLoad>[0]>
}

/** Everything that is wrong with the options shows before anything is started. */
function planOf({ flags }: Invocation): LoadPlan {
  const goal = { ...DEFAULT_GOAL, ...(flags.slo !== undefined && { p95: numberOf('--slo', flags.slo) }) }
  const stages = stagesOf(flags)
  const thresholds = flags.threshold === undefined ? undefined : thresholdsOf(String(flags.threshold))
  const ms = durationOf('--for', flags.for ?? '10s')
  return {
    url: String(flags.url ?? `http://127.0.0.1:${process.env.PORT ?? 3000}`),
    allowed: typeof flags['allow-host'] === 'string' ? flags['allow-host'] : undefined,
    goal,
    run: {
      poisson: flags.poisson === true,
      ...(stages && { stages }),
      ...(thresholds && { thresholds }),
      ...(flags['warm-up'] !== undefined && { warmUpMs: durationOf('--warm-up', flags['warm-up']) }),
      ...(flags.repeat !== undefined && { repeat: numberOf('--repeat', flags.repeat, 'whole') }),
      ...(flags.seed !== undefined && { seed: numberOf('--seed', flags.seed, 'whole') }),
      ...(flags.processes !== undefined && { processes: numberOf('--processes', flags.processes, 'whole') }),
      ...(flags['find-knee'] && { search: { ...goal, from: firstRate(stages), for: ms } }),
    },
  }
}

function firstRate(stages: ReturnType<typeof stagesOf>): number {
  const first = stages?.[0]
  return first && 'rate' in first ? first.rate : 20
}

/** What is sent: a scenario's file, or requests made from something. */
async function sourceOf(
  scenario: string | undefined,
  flags: Invocation['flags'],
  project: Project | undefined,
  connected: Connected | undefined,
  notes: string[],
): Promise<{ file: string } | { requests: PlainRequest[]; name: string }> {
  if (scenario !== undefined) {
    if (!existsSync(scenario))
      throw BadOptionValue({ option: '<scenario>', value: scenario, allowed: 'a file that is there' })
    return { file: resolve(scenario) }
  }
  if (flags.route !== undefined) {
    const path = String(flags.route).replace(/^GET /, '')
    const route = `GET ${path.split('?')[0]}`
    return { name: route, requests: [{ weight: 1, route, path }] }
  }
  if (flags.routes) {
    const parts = project?.app.modules.flatMap((module) => module.parts) ?? []
    const routes = parts.flatMap((part) =>
      part.kind === 'route'
        ? [{ path: part.path, isPublic: part.options.auth === 'public' || part.options.auth === 'optional' }]
        : [],
    )
    const { requests, left } = fromRoutes(routes)
    notes.push(...left.map((line) => `not sent: ${line}`))
    return { name: 'public routes', requests }
  }
  if (flags.traffic !== undefined) {
    const hours = numberOf('--traffic', flags.traffic, 'whole')
    if (!connected)
      throw MissingArgument({ argument: 'a project whose database can be reached, for --traffic', command: 'load' })
    const { requests, left } = await fromTelemetry((await connected.open()).database.system, hours)
    notes.push(...left.map((line) => `not sent: ${line}`))
    return { name: `traffic of the last ${hours} h`, requests }
  }
  throw MissingArgument({ argument: 'a scenario, --route, --routes or --traffic', command: 'load' })
}

function finish(
  result: LoadResult,
  { goal }: LoadPlan,
  project: Project | undefined,
  flags: Invocation['flags'],
  output: Output,
): number {
  const folder = runsFolder(project)
  const baseline = typeof flags.baseline === 'string' ? findResult(folder, flags.baseline) : undefined
  const file = keepResult(folder, result)
  const page = typeof flags.report === 'string' ? flags.report : file.replace(/json$/, 'html')
  writeFileSync(page, reportOf(result, goal))
  const knee = kneeOf(result, goal)
  const usl = fitUsl(pointsOf(result.steps))
  const comparison = baseline && compareRuns([baseline], [result])
  output.show({ ...result, knee, usl, comparison, file, report: page }, () => {
    showSteps(result, output)
    output.line()
    for (const line of [wordsOfKnee(knee), ...wordsOfUsl(usl)]) output.line(line)
    for (const { name, most, value, holds } of result.thresholds) {
      output.line(
        `${holds ? output.paint('green', 'holds') : output.paint('red', 'missed')} ${name}: ${shown(value)}, at most ${most}`,
      )
    }
    for (const [kind, count] of Object.entries(result.total.errors).slice(0, 10))
      output.line(`${output.paint('red', 'errors')} ${count} x ${kind}`)
    for (const why of result.invalid) output.line(output.paint('red', `not valid: ${why}`))
    for (const line of comparison ? wordsOfComparison(comparison) : []) output.line(line)
    for (const note of result.notes) output.line(output.paint('grey', note))
    output.line(`\n${output.paint('grey', 'report')}  ${page}\n${output.paint('grey', 'result')}  ${file}`)
  })
  const failed = result.thresholds.some(({ holds }) => !holds) || comparison?.verdict === 'slower'
  return failed || !result.valid ? 1 : 0
}

function showSteps({ steps }: LoadResult, output: Output): void {
  output.table(
    ['step', 'done/s', 'p50 ms', 'p95 ms', 'p99 ms', 'longest', 'errors', 'app cores', 'loop', 'db cores', 'late p99'],
    steps.map(({ users, offered, achieved, latency, errors, felt, generator, invalid }) => [
      `${users === undefined ? `${shown(offered)}/s` : `${users} users`}${invalid.length > 0 ? ' !' : ''}`,
      shown(achieved),
      ...[latency.p50, latency.p95, latency.p99, latency.max].map(shown),
      String(Object.values(errors).reduce((sum, n) => sum + n, 0)),
      felt?.appCpu === undefined ? '' : felt.appCpu.toFixed(2),
      felt?.eventLoop === undefined ? '' : `${Math.round(felt.eventLoop * 100)} %`,
      felt?.databaseCpu === undefined ? '' : felt.databaseCpu.toFixed(2),
      `${shown(generator.lag.p99)} ms`,
    ]),
  )
}

/** One line that is written over and over, on a terminal only. */
function showProgress(output: Output): { on: (progress: Progress) => void; end: () => void } {
  const seen = !output.json && process.stderr.isTTY === true
  return {
    on({ step, done, p95, completed, errors }) {
      if (!seen) return
      const bar = '█'.repeat(Math.round(done * 20)).padEnd(20, '░')
      process.stderr.write(`\r\x1b[K${bar} ${step}  done ${completed}/s  p95 ${shown(p95)} ms  errors ${errors}`)
    },
    end: () => void (seen && process.stderr.write('\r\x1b[K')),
  }
}

/** Ctrl-C ends the run after the running step, and what was measured is kept. A second one ends the process. */
function stopOnce(): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  process.on('SIGINT', stop)
  return { signal: controller.signal, end: () => void process.off('SIGINT', stop) }
}
