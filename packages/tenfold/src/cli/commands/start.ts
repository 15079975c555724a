import { ROLES, type Role } from '../../config/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { Instance } from '../../app/index.ts'
import type { Command } from '../command.ts'
import { BadOptionValue } from '../errors.ts'
import type { Output } from '../output.ts'
import { loadProject } from '../project.ts'

export const start: Command = {
  name: 'start',
  about: 'run the app: web, worker, crons and console, or some of them',
  options: {
    only: { type: 'string', value: '<roles>', about: `some of ${ROLES.join(',')} (default: all)` },
    modules: {
      type: 'string',
      value: '<names>',
      about: 'check that these modules are in the app, and run their jobs and routes only',
    },
    migrate: { type: 'boolean', about: 'apply missing migrations first (the embedded database does so by itself)' },
  },
  examples: [
    'tenfold start',
    'tenfold start --only web',
    'tenfold start --only worker,cron',
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
      ...(flags.modules !== undefined && { modules: namesOf(flags.modules) }),
      ...(flags.migrate === true && { migrate: true }),
    })
    announce(instance, output, performance.now() - started)
    await stopAsked
    await instance.stop().catch((error: unknown) => output.error(messageOf(error)))
    return 0
  },
}

function rolesOf(only: string | boolean | undefined): readonly Role[] {
  if (typeof only !== 'string') return ROLES
  return namesOf(only).map((name) => {
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

function namesOf(list: string | boolean): string[] {
  return String(list)
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
}

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const stop = (): void => {
      if (asked) process.exit(130)
      asked = true
      resolve()
    }
    process.on('SIGINT', stop).on('SIGTERM', stop)
  })
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
  output.show(facts, () => {
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
  })
}
