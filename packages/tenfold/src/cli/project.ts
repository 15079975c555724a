/** The project that a command works on: its tenfold.config.ts, its app, its environment. */
import { existsSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { messageOf, TenfoldError } from '../kernel/index.ts'
import type { App, Config } from '../app/index.ts'
import { NoProject, ProjectBroken } from './errors.ts'

export interface Project {
  app: App
  config: Config
  /** The folder of tenfold.config.ts. */
  root: URL
  version: string
}

type Flags = Record<string, string | boolean | undefined>

function configFile(flags: Flags): { named: string; file: string } {
  const named = typeof flags.config === 'string' ? flags.config : 'tenfold.config.ts'
  const file = resolve(named)
  if (!existsSync(file)) throw NoProject({ file: named })
  return { named, file }
}

/** Whether there is one, or one was named. */
export function hasProject(flags: Flags): boolean {
  return typeof flags.config === 'string' || existsSync(resolve('tenfold.config.ts'))
}

/** The project's folder, for commands that need nothing else of it. */
export function projectRoot(flags: Flags): URL {
  return new URL('./', pathToFileURL(configFile(flags).file))
}

export async function loadProject(flags: Flags): Promise<Project> {
  const { named, file } = configFile(flags)
  const root = new URL('./', pathToFileURL(file))
  loadDotEnv(root)
  const config = await importDefault<Config>(pathToFileURL(file))
  if (typeof config !== 'object' || config === null) {
    throw ProjectBroken({ file: named, reason: 'it has no default export; write `export default config({ … })`' })
  }
  const appFile = new URL(config.app ?? './app.ts', root)
  if (!existsSync(appFile)) {
    throw ProjectBroken({ file: named, reason: `the app that it names, ${fromHere(appFile)}, is not there` })
  }
  const app = await importDefault<App>(appFile)
  if (typeof app?.start !== 'function') {
    throw ProjectBroken({
      file: fromHere(appFile),
      reason: 'its default export is not an app; write `export default app({ … })`',
    })
  }
  return { app, config, root, version: versionOf(root) }
}

/** `.env` beside the configuration; what the environment already says is stronger. */
function loadDotEnv(root: URL): void {
  const file = new URL('.env', root)
  if (existsSync(file)) process.loadEnvFile(file)
}

async function importDefault<T>(url: URL): Promise<T> {
  try {
    return ((await import(url.href)) as { default: T }).default
  } catch (error) {
    if (error instanceof TenfoldError) throw error
    const { file = fromHere(url), line } = placeOf(error)
    throw ProjectBroken({ file: line ? `${file}:${line}` : file, reason: messageOf(error) }, { cause: error })
  }
}

/** The first place in the project's own files that the stack names. */
function placeOf(error: unknown): { file?: string; line?: string } {
  const stack = ((error as Error).stack ?? '').split('\n').filter((line) => !line.includes('node_modules'))
  const found = /(file:\/\/[^\s)]+?):(\d+)(?::\d+|\b)/.exec(stack.join('\n'))
  const url = found?.[1] ?? ''
  const ours = !URL.canParse(url) || url.startsWith(new URL('../../', import.meta.url).href)
  return ours ? {} : { file: fromHere(new URL(url)), line: found![2]! }
}

/** As people write it: relative to the working directory where that is shorter. */
export function fromHere(url: URL): string {
  const path = fileURLToPath(url)
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}

function versionOf(root: URL): string {
  try {
    return (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version?: string }).version ?? '0.0.0'
  } catch {
    return '0.0.0'
  }
}
