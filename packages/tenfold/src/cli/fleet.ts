/** `tenfold start` with several processes: what each of them is, and the supervisor around them. */
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { holdBindings, portOfConsole, portOfWeb } from '../app/index.ts'
import type { Environment, Role } from '../config/index.ts'
import { messageOf } from '../kernel/index.ts'
import {
  capacity,
  createSupervisor,
  heapFor,
  launch,
  openControl,
  openSockets,
  type AppProcess,
  type ListeningSocket,
  type PlaceOptions,
  type SocketUse,
  type Supervisor,
} from '../supervisor/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { announce } from './announce.ts'
import type { Output } from './output.ts'
import type { Project } from './project.ts'
import { seedOnce } from './seed.ts'
import { stopSignal } from './signals.ts'

/** To load the app, apply migrations, and get ready. */
const READY_TIMEOUT_MS = 120_000

export interface FleetOptions {
  project: Project
  environment: Environment
  flags: Record<string, string | boolean | undefined>
  roles: readonly Role[]
  /** Web processes; one more does what is not web. */
  processes: number
  output: Output
  started: number
}

export async function runFleet(options: FleetOptions): Promise<number> {
  const { project, environment, roles, output, started } = options
  const { app, version, root } = project
  const { env, logLevel: level } = environment
  const reload = Promise.withResolvers<Supervisor>()
  const stopAsked = stopSignal(() => void reload.promise.then(reloadByItself))
  await using opened = new AsyncDisposableStack()

  const telemetry = createTelemetry({ service: app.name, env, version, level, instance: 'supervisor' })
  opened.defer(() => telemetry.close())
  const { log } = telemetry
  // What is embedded belongs to all of them: it is started once, here, and the processes find it in their environment.
  const held = await holdBindings(project, environment, telemetry)
  opened.defer(() => held.stop())
  const processes = await placesOf(options, { ...process.env, ...held.variables }, held.migrates)
  const supervisor = createSupervisor({ processes, log })
  opened.defer(() => supervisor.stop())
  const states = await supervisor.start()
  const control = await openControl(fileURLToPath(new URL('.tenfold', root)), supervisor)
  if (control) opened.defer(() => control.close())
  reload.resolve(supervisor)

  const find = (of: 'url' | 'consoleUrl'): string | undefined => states.find((one) => one[of])?.[of]
  const pids = Object.fromEntries(supervisor.states().map(({ name, pid }) => [name, pid]))
  const where = { url: find('url'), consoleUrl: find('consoleUrl') }
  announce({ ...where, name: app.name, roles, bindings: held.list, environment, log, started, processes: pids }, output)
  const newDatabase = states.some((one) => one.newDatabase)
  opened.defer(async () => seed())
  const seed = seedOnce(project, { newDatabase, environment }, output)

  const gaveUp = await Promise.race([stopAsked, supervisor.gaveUp])
  if (gaveUp) throw gaveUp
  return 0

  function reloadByItself(running: Supervisor): void {
    running.reload().catch((error: unknown) => log.error(messageOf(error)))
  }
}

/** Web processes, and one that does the rest. */
async function placesOf(
  { project, environment, flags, roles, processes: count, output }: FleetOptions,
  env: Record<string, string | undefined>,
  migrates: boolean,
): Promise<PlaceOptions[]> {
  const others = roles.filter((role) => role !== 'web')
  const heap = heapFor(capacity(), count + (others.length > 0 ? 1 : 0))
  const given = ['modules', 'config'].flatMap((name) =>
    flags[name] === undefined ? [] : [`--${name}`, String(flags[name])],
  )
  const { cwd, program } = releaseFolder()
  const one = (name: string, does: readonly Role[], sockets: Partial<Record<SocketUse, ListeningSocket>>) => ({
    name,
    serves: does.includes('web'),
    sockets: Object.values(sockets),
    launch: (leads: boolean): AppProcess =>
      launch({
        name,
        args: [
          ...(heap === undefined ? [] : [`--max-old-space-size=${heap}`]),
          ...[program, 'start', '--only', does.join(','), ...given],
          // One of them migrates, before the others start.
          ...(leads && (migrates || flags.migrate === true) ? ['--migrate'] : []),
        ],
        env,
        cwd,
        sockets,
        readyTimeoutMs: READY_TIMEOUT_MS,
        stopTimeoutMs: environment.drainDelayMs + (project.config.stopTimeoutMs ?? 25_000) + 15_000,
        onError: (line) => output.error(`${output.paint('grey', `${name} |`)} ${line}`),
      }),
  })

  const { web, console, metrics } = await socketsOf(environment, count, others)
  const measured = (i: number) => (metrics[i] ? { metrics: metrics[i] } : {})
  return [
    ...web.map((socket, i) => one(`web-${i + 1}`, ['web'], { web: socket, ...measured(i) })),
    ...(others.length > 0
      ? [one(others[0]!, others, { ...(console[0] && { console: console[0] }), ...measured(count) })]
      : []),
  ]
}

/** Metrics are of one process each: they get METRICS_PORT and the ports that follow it, in the order of the processes. */
async function socketsOf(environment: Environment, count: number, others: readonly Role[]) {
  const { host, consoleHost, consoleToken, env, metricsPort, metricsHost } = environment
  const web = await openSockets({ host, port: await portOfWeb(environment), count })
  const hasConsole = others.includes('console') && (env !== 'production' || consoleToken !== undefined)
  const console = hasConsole
    ? await openSockets({ host: consoleHost, port: await portOfConsole(environment), count: 1 })
    : []
  const metrics: ListeningSocket[] = []
  for (let i = 0; metricsPort !== undefined && i < count + Math.min(1, others.length); i++)
    metrics.push(...(await openSockets({ host: metricsHost, port: metricsPort && metricsPort + i, count: 1 })))
  return { web, console, metrics }
}

/** Where to start processes: by the name that the shell used. A release folder behind a symbolic link (`current`) can be
 *  exchanged that way, and a reload starts what the link points to then. */
function releaseFolder(): { cwd: string; program: string } {
  const physical = process.cwd()
  const program = process.argv[1]!
  const logical = process.env.PWD
  if (!logical || realpathSync(logical) !== physical) return { cwd: physical, program }
  return {
    cwd: logical,
    program: program.startsWith(`${physical}/`) ? logical + program.slice(physical.length) : program,
  }
}
