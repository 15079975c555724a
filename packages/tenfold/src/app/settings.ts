import { BadConfig, readEnvironment, type ConfigProblem, type Environment } from '../config/index.ts'
import { validate } from '../kernel/index.ts'
import type { Module } from '../modules/index.ts'
import type { Config } from './define.ts'
import { placesOf } from './remote/index.ts'

/** What gives a variable its value in development, where that is not the variable itself. */
const HINTS: Readonly<Record<string, string>> = {
  SMTP_URL: 'development has a mail server of its own after `npm install --save-dev smtp-server postal-mime`',
}

type Variables = Readonly<Record<string, string | undefined>>

export interface Surroundings {
  variables: Variables
  config: Pick<Config, 'companions'>
  /** The modules that are named in `--modules`. */
  named?: readonly string[] | undefined
}

/** The environment that an app is to run in. Throws TF_BAD_CONFIG with all that it lacks, for the platform and for the settings
 *  of the modules that are here: who sets one variable after another starts once. */
export async function environmentFor(
  modules: readonly Module[],
  { variables, config, named }: Surroundings,
): Promise<Environment> {
  try {
    return readEnvironment(variables)
  } catch (error) {
    if (!BadConfig.is(error)) throw error
    const { problems, local } = placesOf(modules, named, variables)
    const { problems: ofSettings } = await settingsIn(local, withStandIns(variables, config))
    throw BadConfig({ problems: [...error.details.problems, ...problems, ...ofSettings] })
  }
}

/** The variables, with those that `tenfold start` would set in development: companions and the mail server. */
export function withStandIns(variables: Variables, { companions = {} }: Pick<Config, 'companions'>): Variables {
  if (variables['NODE_ENV']?.trim() === 'production') return variables
  const standIns = Object.keys(companions).map((variable) => [variable, 'http://127.0.0.1:1'])
  const given = Object.entries(variables).filter(([, value]) => value)
  return { SMTP_URL: 'smtp://127.0.0.1:1', ...Object.fromEntries(standIns), ...Object.fromEntries(given) }
}

/** The settings of every module, out of the environment's variables. Throws TF_BAD_CONFIG with all problems of all modules. */
export async function readSettings(modules: readonly Module[], variables: Variables): Promise<Map<string, unknown>> {
  const { settings, problems } = await settingsIn(modules, variables)
  if (problems.length > 0) throw BadConfig({ problems })
  return settings
}

async function settingsIn(
  modules: readonly Module[],
  variables: Variables,
): Promise<{ settings: Map<string, unknown>; problems: ConfigProblem[] }> {
  const settings = new Map<string, unknown>()
  const problems: ConfigProblem[] = []
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''))
  for (const module of modules) {
    if (!module.settings) continue
    const result = await validate(module.settings, given)
    if (result.ok) settings.set(module.name, Object.freeze(result.value))
    else
      problems.push(
        ...result.issues.map(({ path, message }) => ({
          at: `${path} (module ${module.name})`,
          problem: given[path] === undefined ? withoutValue(path, message) : message,
        })),
      )
  }
  return { settings, problems }
}

/** Schemas speak of `undefined`, people of variables that are not set. Rules over several variables have sentences of their own. */
function withoutValue(path: string, message: string): string {
  const missing = /\bundefined\b/.test(message) ? 'is not set; give it a value in the environment or in .env' : message
  return path in HINTS ? `${missing}; ${HINTS[path]}` : missing
}
