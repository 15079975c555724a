import { ROLES, type Role } from '../../config/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { Instance } from '../../app/index.ts'
import type { Command } from '../command.ts'
import { BadOptionValue } from '../errors.ts'
import type { Output } from '../output.ts'
import { loadProject, type Project } from '../project.ts'
import { seedOnce } from '../seed.ts'
import { stopSignal } from '../signals.ts'

export const start: Command = {
  name: 'start',
  about: 'run the app: web, worker, crons and console, or some of them',
  options: {
    only: { type: 'string', value: '<roles>', about: `some of ${ROLES.join(',')} (default: all)` },
    modules: {
      type: 'string',
      value: '<names>',
      about: 'serve only the routes, jobs and crons of these modules (default: all)',
    },
    migrate: { type: 'boolean', about: 'apply missing migrations first (the embedded database does so by itself)' },
  },
  examples: [
    'tenfold start',
    'tenfold start --only web',
    'tenfold start --only worker,cron',
    'tenfold start --modules billing',
    'PORT=8080 tenfold start --migrate',
  ],
  async run({ flags, output }) {
    const started = performance.now()
    const project = await loadProject(flags)
    const roles = rolesOf(flags.only)
    const stopAsked = stopSignal()
    const instance = await project.app.start({
      roles,
      config: project.config,
      root: project.root,
      version: project.version,
      ...(flags.modules !== undefined && { modules: modulesOf(project, flags.modules) }),
      ...(flags.migrate === true && { migrate: true }),
    })
    announce(instance, output, performance.now() - started)
    const endSeed = seedOnce(project, instance, output)
    await stopAsked
    endSeed()
    await instance.stop().catch((error: unknown) => output.error(messageOf(error)))
    return 0
  },
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

/** Where everything is, for people on a terminal and in development; programs read the log. */
function announce(instance: Instance, output: Output, ms: number): void {
  const { url, consoleUrl, bindings, environment, roles } = instance
  const facts = {
    ready: true,
    url,
    reference: url && `${url}/docs`,
    console: consoleUrl,
    roles,
    bindings,
    ms: Math.round(ms),
  }
  if (environment.env === 'production')
    return instance.telemetry.log.info('ready', { url, console: consoleUrl, roles, ms: facts.ms })
  // One line: a program that waits for it reads line by line, and logs come the same way.
  if (output.json) return output.line(JSON.stringify(facts))
  const row = (name: string, value: string, note = ''): void =>
    output.line(`  ${output.paint('grey', name.padEnd(14))} ${value}${note && `  ${output.paint('grey', note)}`}`)
  output.line(
    `\n${output.paint('bold', instance.app.name)} is ready after ${Math.round(ms)} ms  ${output.paint('grey', roles.join(', '))}\n`,
  )
  if (url) row('app', output.paint('cyan', url))
  if (url) row('API reference', output.paint('cyan', `${url}/docs`))
  if (consoleUrl) row('console', output.paint('cyan', consoleUrl))
  output.line()
  for (const { part, bound, embedded, variable } of bindings) {
    row(part, bound, embedded && variable ? `embedded; ${variable} binds it to something else` : '')
  }
  output.line(`\n${output.paint('grey', 'Ctrl-C stops everything.')}\n`)
}
