import { ROLES, type Environment, type Role } from '../../config/index.ts'
import { messageOf } from '../../kernel/index.ts'
import { environmentFor, type Instance } from '../../app/index.ts'
import { capacity, processesFor, supervisedBy, type Supervised } from '../../supervisor/index.ts'
import { announce } from '../announce.ts'
import type { Command } from '../command.ts'
import { BadOptionValue } from '../errors.ts'
import { runFleet } from '../fleet.ts'
import { watchForgotten } from '../forgotten.ts'
import { loadProject, type Project } from '../project.ts'
import { seedOnce } from '../seed.ts'
import { stopSignal } from '../signals.ts'

export const start: Command = {
  options: {
    only: { type: 'string', value: '<roles>', about: `some of ${ROLES.join(',')} (default: all)` },
    modules: {
      type: 'string',
      value: '<names>',
      about: 'serve only the routes, jobs and crons of these modules (default: all)',
    },
    migrate: { type: 'boolean', about: 'apply missing migrations first (the embedded database does so by itself)' },
    processes: {
      type: 'string',
      value: '<n>',
      about: 'web processes on one port, or auto: one for each core (default: auto in production, else 1)',
    },
  },
  examples: [
    'tenfold start',
    'tenfold start --only web',
    'tenfold start --only worker,cron',
    'tenfold start --modules billing',
    'tenfold start --processes auto',
    'PORT=8080 tenfold start --migrate',
  ],
  async run({ flags, output }) {
    const started = performance.now()
    const supervised = supervisedBy(process)
    const project = await loadProject(flags)
    const roles = rolesOf(flags.only)
    const modules = flags.modules === undefined ? undefined : modulesOf(project, flags.modules)
    const environment = await environmentFor(project.app.modules, {
      variables: process.env,
      config: project.config,
      named: modules,
    })
    const processes = supervised ? 1 : processesOf(flags.processes, environment)
    if (processes > 1 && roles.includes('web'))
      return runFleet({ project, environment, flags, roles, processes, output, started })

    const stopAsked = stopSignal()
    const instance = await project.app.start({
      roles,
      config: project.config,
      root: project.root,
      version: project.version,
      ...(modules !== undefined && { modules }),
      ...(flags.migrate === true && { migrate: true }),
      // What judges is loaded when there is something to judge.
      beforeMigrations: async (target) =>
        (await import('../gates.ts')).judgeBeforeStart(target, environment.env, output),
      ...(supervised && { name: supervised.name, sockets: supervised.sockets }),
    })
    watchForgotten(instance.telemetry.log)
    if (supervised) return serveSupervised(instance, supervised, stopAsked)
    announce({ ...instance, name: instance.app.name, log: instance.telemetry.log, started }, output)
    const endSeed = seedOnce(project, instance, output)
    await stopAsked
    endSeed()
    await instance.stop().catch((error: unknown) => output.error(messageOf(error)))
    return 0
  },
}

/** A process under a supervisor is ready when a load balancer would say so, and leaves its place when it is told to. */
async function serveSupervised(instance: Instance, supervised: Supervised, stopAsked: Promise<void>): Promise<number> {
  const { url, consoleUrl, newDatabase, roles } = instance
  const stop = Promise.race([stopAsked.then(() => 'stop' as const), supervised.retired.then(() => 'retire' as const)])
  const asked = { how: undefined as 'stop' | 'retire' | undefined }
  void stop.then((how) => (asked.how = how))
  const ready = async (): Promise<boolean> => {
    const answer = await instance.fetch(new Request('http://localhost/health/ready'))
    return !roles.includes('web') || answer.status === 200
  }
  while (!asked.how && !(await ready())) await new Promise((resolve) => setTimeout(resolve, 200))
  supervised.ready({ url, consoleUrl, newDatabase })
  if ((await stop) === 'retire') await instance.handOver()
  await instance.stop().catch((error: unknown) => instance.telemetry.log.error(messageOf(error)))
  return 0
}

function processesOf(flag: string | boolean | undefined, { processes, env, databaseUrl }: Environment): number {
  const asked = flag ?? processes ?? (env === 'production' && databaseUrl ? 'auto' : 1)
  if (asked === 'auto') return processesFor(capacity())
  const count = Number(asked)
  if (Number.isInteger(count) && count >= 1 && count <= 256) return count
  throw BadOptionValue({ option: '--processes', value: String(flag), allowed: 'a number from 1 to 256, or auto' })
}

function rolesOf(only: string | boolean | undefined): readonly Role[] {
  if (only === undefined) return ROLES
  return namesOf('--only', only).map((name) => {
    const role = ROLES.find((one) => one === name)
    if (!role)
      throw BadOptionValue({
        option: '--only',
        value: name,
        allowed: `one or several of ${ROLES.join(', ')}, separated by commas`,
      })
    return role
  })
}

function modulesOf({ app }: Project, list: string | boolean): string[] {
  const known = app.modules.map(({ name }) => name)
  return namesOf('--modules', list).map((name) => {
    if (known.includes(name)) return name
    throw BadOptionValue({ option: '--modules', value: name, allowed: `one or several of ${known.join(', ')}` })
  })
}

function namesOf(option: string, list: string | boolean): string[] {
  const names = String(list)
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.length === 0)
    throw BadOptionValue({ option, value: '', allowed: 'one name or several, separated by commas' })
  return names
}
