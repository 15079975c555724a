import { runStep, type StepResult } from './step.ts'

/** What can be said of the sources without running them; `pages` and `site` are the types of what (also) lives in a
 *  browser, which the rest must not see. */
const CHECKS = [
  { name: 'lint', command: 'oxlint', args: [], fix: ['--fix'] },
  { name: 'format', command: 'oxfmt', args: ['--check', '.'], fix: ['.'] },
  { name: 'unused', command: 'knip', args: ['--no-progress', '--no-config-hints'], fix: undefined },
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json', '--pretty', 'false'], fix: undefined },
  { name: 'pages', command: 'tsc', args: ['-p', 'packages/console', '--pretty', 'false'], fix: undefined },
  { name: 'site', command: 'tsc', args: ['-p', 'packages/site', '--pretty', 'false'], fix: undefined },
] as const

export type CheckName = (typeof CHECKS)[number]['name']

/** Runs the named checks side by side. With `fix`, lint and format repair what they can instead of complaining. */
export async function runChecks(names: readonly CheckName[], { fix = false } = {}): Promise<StepResult[]> {
  const wanted = CHECKS.filter((check) => names.includes(check.name))
  if (fix) for (const check of wanted) if (check.fix) await runStep(check.name, check.command, check.fix)
  return Promise.all(wanted.map((check) => runStep(check.name, check.command, check.args)))
}
