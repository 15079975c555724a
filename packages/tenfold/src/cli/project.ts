/** The project that a command works on: its tenfold.config.ts, its app, its environment. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
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

export async function loadProject(flags: Record<string, string | boolean | undefined>): Promise<Project> {
  const named = typeof flags.config === 'string' ? flags.config : 'tenfold.config.ts'
  const file = resolve(named)
  if (!existsSync(file)) throw NoProject({ file: named })
  const root = new URL('./', pathToFileURL(file))
  loadDotEnv(root)
  const config = await importDefault<Config>(pathToFileURL(file))
  const app = await importDefault<App>(new URL(config.app ?? './app.ts', root))
  if (typeof app?.start !== 'function') {
    throw ProjectBroken({
      file: config.app ?? './app.ts',
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
    throw ProjectBroken(
      { file: decodeURIComponent(url.pathname), reason: placeOf(error) + messageOf(error) },
      { cause: error },
    )
  }
}

/** The first place in the project's own files that the stack names. */
function placeOf(error: unknown): string {
  const place = /file:\/\/[^\s)]+?:\d+(?=:\d+|\b)/.exec(
    (error as Error).stack?.replaceAll(/.*node_modules.*/g, '') ?? '',
  )?.[0]
  return place ? `${decodeURIComponent(place.replace('file://', ''))}: ` : ''
}

function versionOf(root: URL): string {
  try {
    return (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version?: string }).version ?? '0.0.0'
  } catch {
    return '0.0.0'
  }
}
