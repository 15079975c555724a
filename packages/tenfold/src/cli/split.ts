/** `tenfold check --split <module>`: can it run on another host, and what would that cost? */
import { connect, splitReport, type App, type SplitReport } from '../app/index.ts'
import { readEnvironment } from '../config/index.ts'
import { MigrationsPending, readSharing, type SharedObject } from '../database/index.ts'
import { readCalls, type RecordedCalls } from '../inspect/index.ts'
import { BadOptionValue } from './errors.ts'
import type { Output } from './output.ts'

const DAYS = 7
/** Between two hosts of one data centre, and back. */
const TRIP_MS = 1

export async function checkSplit(app: App, root: URL, name: string, output: Output): Promise<number> {
  const module = app.modules.find((one) => one.name === name)
  if (!module) {
    const allowed = app.modules.map((one) => one.name).join(', ')
    throw BadOptionValue({ option: '--split', value: name, allowed: `one of ${allowed}` })
  }
  const environment = readEnvironment(process.env)
  const report = splitReport(module, app.modules, environment)
  const { calls, shared } = await recorded(app, root, name)
  report.changes.push(...inTransactions(calls), ...shared.map(sharedLine))
  output.show({ can: report.blocks.length === 0, ...report, days: DAYS, recorded: calls }, () => {
    show(report, output)
    showCost(calls, output)
    const can = report.blocks.length === 0
    output.line(can ? output.paint('green', `${name} can be split out`) : output.paint('red', 'not yet'))
  })
  return report.blocks.length === 0 ? 0 : 1
}

async function recorded(app: App, root: URL, name: string): Promise<{ calls: RecordedCalls; shared: SharedObject[] }> {
  const connected = await connect(app, root)
  try {
    const { database } = await connected.open()
    const others = app.modules.map((module) => module.name).filter((other) => other !== name)
    return {
      calls: await readCalls(database.system, { module: name, days: DAYS }),
      shared: await readSharing(database.system, app.name, name, others),
    }
  } catch (error) {
    // Before its first start there is nothing to look at.
    if (MigrationsPending.is(error)) return { calls: { traces: 0, methods: [], roots: [] }, shared: [] }
    throw error
  } finally {
    await connected.close()
  }
}

function inTransactions({ methods }: RecordedCalls): string[] {
  return methods
    .filter(({ inTransaction }) => inTransaction > 0)
    .map(
      ({ method, caller, calls, inTransaction }) =>
        `${method}: ${caller} calls it inside of a transaction (${inTransaction} of ${calls} times); its connection would wait for the other host. Call before or after, or publish an event with { tx }`,
    )
}

function sharedLine({ object, kind, with: other }: SharedObject): string {
  return kind === 'foreign key'
    ? `${object}: a foreign key between this module and ${other}; both stay in one database`
    : `${object}: this ${kind} is read by ${other}; both stay in one database`
}

function show({ blocks, changes, routes, jobs, methods, uses, steps }: SplitReport, output: Output): void {
  for (const block of blocks) output.line(`${output.paint('red', 'blocks')}  ${block}`)
  for (const change of changes) output.line(`${output.paint('yellow', 'changes')} ${change}`)
  const list = (name: string, values: readonly string[]): void => {
    if (values.length > 0) output.line(`${output.paint('grey', name.padEnd(8))}${values.join(', ')}`)
  }
  list('routes', routes)
  list('jobs', jobs)
  list(
    'methods',
    methods.map((method) => method.name),
  )
  list(
    'calls',
    uses.map(({ module, variable }) => `${module} (there too, unless ${variable} is set)`),
  )
  for (const step of steps) output.line(output.paint('grey', `  ${step}`))
  output.line()
}

function showCost({ traces, methods, roots }: RecordedCalls, output: Output): void {
  if (methods.length === 0) {
    return output.line(
      traces === 0
        ? `nothing was recorded in the last ${DAYS} days, so the cost is not known\n`
        : `no call to it in ${traces} traces of the last ${DAYS} days\n`,
    )
  }
  output.table(
    ['call', 'by', 'times', 'takes', 'bytes'],
    methods.map(({ method, caller, calls, meanMs, meanBytes }) => [
      method,
      caller,
      String(calls),
      `${meanMs.toFixed(1)} ms`,
      meanBytes === undefined ? '?' : String(Math.round(meanBytes)),
    ]),
  )
  output.line()
  output.table(
    ['in', 'calls each', 'bytes each', 'takes', `and at ${TRIP_MS} ms a trip at most`],
    roots.map(({ name, callsPerRun, bytesPerRun, meanMs }) => [
      name,
      callsPerRun.toFixed(1),
      String(Math.round(bytesPerRun)),
      `${meanMs.toFixed(1)} ms`,
      `${(meanMs + callsPerRun * TRIP_MS).toFixed(1)} ms`,
    ]),
  )
  output.line(`\nfrom ${traces} traces of the last ${DAYS} days\n`)
}
