import { BadConfig, type ConfigProblem } from '../config/index.ts'
import { validate } from '../kernel/index.ts'
import type { Module } from '../modules/index.ts'

/** What gives a variable its value in development, where that is not the variable itself. */
const HINTS: Readonly<Record<string, string>> = {
  SMTP_URL: 'development has a mail server of its own after `npm install --save-dev smtp-server postal-mime`',
}

/** The settings of every module, out of the environment's variables. Throws TF_BAD_CONFIG with all problems of all modules. */
export async function readSettings(
  modules: readonly Module[],
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Map<string, unknown>> {
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
  if (problems.length > 0) throw BadConfig({ problems })
  return settings
}

/** Schemas speak of `undefined`, people of variables that are not set. Rules over several variables have sentences of their own. */
function withoutValue(path: string, message: string): string {
  const missing = /\bundefined\b/.test(message) ? 'is not set; give it a value in the environment or in .env' : message
  return path in HINTS ? `${missing}; ${HINTS[path]}` : missing
}
