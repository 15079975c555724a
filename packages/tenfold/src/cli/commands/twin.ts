import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { holdBindings, routesDocument } from '../../app/index.ts'
import { readEnvironment } from '../../config/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import {
  keepRun,
  NothingToAsk,
  readScenario,
  renderHtml,
  renderJunit,
  renderTerminal,
  type Scenario,
  scenarioFromHar,
  scenarioFromOpenApi,
  twin as runTwin,
  type TwinOptions,
  viewOf,
} from '../../twin/index.ts'
import type { Command, Invocation } from '../command.ts'
import { BadOptionValue, MissingArgument } from '../errors.ts'
import { loadProject } from '../project.ts'

type Flags = Invocation['flags']

/** Looked for in the folder of the app, in this order. */
const SCENARIO_FILES = ['twin.ts', 'twin.js', 'twin.mjs', 'twin.json']

export const twin: Command = {
  args: '-- <command>',
  maxArgs: Infinity,
  options: {
    instances: { type: 'string', value: '<n>', about: 'how many at once (default: 2)' },
    scenario: {
      type: 'string',
      value: '<file>',
      about: 'what to ask (default: twin.ts or twin.json, if there is one)',
    },
    har: { type: 'string', value: '<file>', about: 'ask what a browser has recorded (HTTP archive)' },
    openapi: { type: 'string', value: '<file>', about: 'ask what an OpenAPI document describes (JSON)' },
    run: { type: 'string', value: '<command>', about: 'your own tests; the address is in BASE_URL' },
    beside: {
      type: 'string',
      value: '<folder>',
      about: 'run another release beside this one: a folder or a commit of git',
    },
    reset: { type: 'string', value: '<command>', about: 'empties what the instances share, before each run' },
    ready: {
      type: 'string',
      value: '<path>',
      about: 'answers below 400 when an instance is ready (default: it accepts connections)',
    },
    'no-clock': { type: 'boolean', about: 'do not turn the clock forward to see crons fire' },
    'no-pooler': { type: 'boolean', about: 'do not try it behind PgBouncer, where that is installed' },
    html: { type: 'string', value: '<file>', about: 'write the result as a page that needs nothing else, too' },
    junit: { type: 'string', value: '<file>', about: 'write the result as JUnit XML, too' },
  },
  examples: [
    'tenfold twin',
    'tenfold twin -- node server.js',
    'tenfold twin --html twin.html -- node server.js',
    'tenfold twin --openapi openapi.json -- npm start',
    'tenfold twin --run "npm run e2e" -- node dist/main.js',
    'tenfold twin --beside HEAD~1 -- node server.js',
  ],
  async run({ args, flags, output }) {
    const subject = args.length > 0 ? await anyServer(args, flags) : await tenfoldApp(flags)
    const beside = await otherRelease(flags.beside, subject.folder)
    const stop = new AbortController()
    const abort = (): void => stop.abort()
    process.once('SIGINT', abort).once('SIGTERM', abort)
    try {
      const report = await runTwin({
        ...subject,
        instances: instancesOf(flags),
        ...(typeof flags.run === 'string' && { script: flags.run }),
        ...(beside && { beside: beside.folder }),
        turnsClock: flags['no-clock'] !== true,
        pooler: flags['no-pooler'] !== true,
        progress: (line) => output.error(output.paint('grey', `  ${line}`)),
        signal: stop.signal,
      })
      const view = viewOf(report, Date.now())
      keepRun(join(subject.folder, '.tenfold/twin'), view)
      if (typeof flags.html === 'string') await writeFile(flags.html, renderHtml(view))
      if (typeof flags.junit === 'string') await writeFile(flags.junit, renderJunit(report))
      output.show(report, () => output.line(`\n${renderTerminal(report, output.paint)}`))
      return report.passed ? 0 : 1
    } finally {
      process.off('SIGINT', abort).off('SIGTERM', abort)
      await subject.end?.()
      await beside?.end()
    }
  },
}

type Subject = Pick<TwinOptions, 'command' | 'folder' | 'scenario' | 'env' | 'holdsRequests'> & {
  end?: () => Promise<void>
}

async function anyServer(command: string[], flags: Flags): Promise<Subject> {
  const folder = process.cwd()
  const scenario = await scenarioFor(folder, flags)
  if (!scenario) throw NothingToAsk({ looked: SCENARIO_FILES })
  return { command, folder, scenario }
}

/** The app in this folder: what is embedded is started once, in a database of its own, and shared as it is in production. */
async function tenfoldApp(flags: Flags): Promise<Subject> {
  const { app, config, root, version } = await loadProject(flags)
  const environment = readEnvironment(process.env)
  const folder = fileURLToPath(root)
  const telemetry = createTelemetry({ service: app.name, env: environment.env, level: 'silent' })
  const files = environment.storageUrl ? undefined : await mkdtemp(join(tmpdir(), 'twin-files-'))
  const named = { ...app, name: `${app.name}_twin` }
  const held = await holdBindings({ app: named, config, root }, environment, telemetry)
  return {
    command: [process.execPath, process.argv[1]!, 'start', '--only', 'web,worker,cron', '--migrate'],
    folder,
    holdsRequests: false,
    scenario: (await scenarioFor(folder, flags)) ?? scenarioFromOpenApi(routesDocument(app, version)),
    env: {
      ...process.env,
      ...held.variables,
      SECRET_KEY: held.secretKey,
      ...(files && { STORAGE_URL: pathToFileURL(files).href }),
    },
    async end() {
      await held.stop()
      if (files) await rm(files, { recursive: true, force: true })
    },
  }
}

async function scenarioFor(folder: string, flags: Flags): Promise<Scenario | undefined> {
  const extra = {
    ...(typeof flags.reset === 'string' && { reset: flags.reset }),
    ...(typeof flags.ready === 'string' && { ready: flags.ready }),
  }
  const found = await scenarioIn(folder, flags)
  return found && { ...found, ...extra }
}

async function scenarioIn(folder: string, flags: Flags): Promise<Scenario | undefined> {
  if (typeof flags.har === 'string') return scenarioFromHar(await readJson('--har', flags.har), flags.har)
  if (typeof flags.openapi === 'string') {
    return scenarioFromOpenApi(
      (await readJson('--openapi', flags.openapi)) as Parameters<typeof scenarioFromOpenApi>[0],
    )
  }
  const named = typeof flags.scenario === 'string' ? resolve(flags.scenario) : undefined
  const file = named ?? SCENARIO_FILES.map((name) => join(folder, name)).find((one) => existsSync(one))
  if (!file) return typeof flags.run === 'string' ? { steps: [{ request: 'GET /' }] } : undefined
  if (!existsSync(file)) throw BadOptionValue({ option: '--scenario', value: file, allowed: 'a file that is there' })
  if (file.endsWith('.json')) return readScenario(await readJson('--scenario', file), file)
  const loaded = (await import(pathToFileURL(file).href)) as { default?: unknown }
  return readScenario(loaded.default, file)
}

async function readJson(option: string, file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    throw BadOptionValue({ option, value: file, allowed: 'a file with JSON' })
  }
}

function instancesOf({ instances = '2' }: Flags): number {
  const count = Number(instances)
  if (Number.isInteger(count) && count >= 2 && count <= 16) return count
  throw BadOptionValue({ option: '--instances', value: String(instances), allowed: 'a number from 2 to 16' })
}

/** A folder as it is, or a commit, checked out beside. */
async function otherRelease(
  given: string | boolean | undefined,
  folder: string,
): Promise<{ folder: string; end(): Promise<void> } | undefined> {
  if (given === undefined) return undefined
  if (typeof given !== 'string')
    throw MissingArgument({ argument: 'a folder or a commit after --beside', command: 'twin' })
  if (existsSync(given)) return { folder: resolve(given), end: () => Promise.resolve() }
  const git = (...args: string[]): Promise<{ stdout: string }> => promisify(execFile)('git', args, { cwd: folder })
  const to = await mkdtemp(join(tmpdir(), 'twin-release-'))
  try {
    const { stdout } = await git('rev-parse', '--show-prefix')
    await git('worktree', 'add', '--detach', join(to, 'release'), given)
    return {
      folder: join(to, 'release', stdout.trim()),
      async end() {
        await git('worktree', 'remove', '--force', join(to, 'release'))
        await rm(to, { recursive: true, force: true })
      },
    }
  } catch {
    await rm(to, { recursive: true, force: true })
    throw BadOptionValue({ option: '--beside', value: given, allowed: 'a folder, or a commit that git knows' })
  }
}
