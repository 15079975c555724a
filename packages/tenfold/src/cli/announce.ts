/** Where everything is, once it runs: for people on a terminal and in development; programs read the log. */
import type { Binding } from '../app/index.ts'
import type { Environment, Role } from '../config/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Output } from './output.ts'

export interface Announced {
  name: string
  url: string | undefined
  consoleUrl: string | undefined
  roles: readonly Role[]
  bindings: readonly Binding[]
  environment: Environment
  log: Telemetry['log']
  /** When it began, by `performance.now()`. */
  started: number
  /** Process ids by the processes' names; absent for an app in one process. */
  processes?: Readonly<Record<string, number | undefined>>
}

export function announce(announced: Announced, output: Output): void {
  const { name, url, consoleUrl, bindings, environment, roles, processes } = announced
  const ms = Math.round(performance.now() - announced.started)
  const among = processes && { processes }
  if (environment.env === 'production')
    return announced.log.info('ready', { url, console: consoleUrl, roles, ms, ...among })
  const facts = {
    ready: true,
    url,
    reference: url && `${url}/docs`,
    console: consoleUrl,
    roles,
    bindings,
    ms,
    ...among,
  }
  // One line: a program that waits for it reads line by line, and logs come the same way.
  if (output.json) return output.line(JSON.stringify(facts))
  const row = (part: string, value: string, note = ''): void =>
    output.line(`  ${output.paint('grey', part.padEnd(14))} ${value}${note && `  ${output.paint('grey', note)}`}`)
  output.line(`\n${output.paint('bold', name)} is ready after ${ms} ms  ${output.paint('grey', roles.join(', '))}\n`)
  if (url) row('app', output.paint('cyan', url))
  if (url) row('API reference', output.paint('cyan', `${url}/docs`))
  if (consoleUrl) row('console', output.paint('cyan', consoleUrl))
  if (processes) row('processes', Object.keys(processes).join(', '))
  output.line()
  for (const { part, bound, embedded, variable } of bindings) {
    row(part, bound, embedded && variable ? `embedded; ${variable} binds it to something else` : '')
  }
  output.line(`\n${output.paint('grey', 'Ctrl-C stops everything.')}\n`)
}
