import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { repository, run } from './step.ts'

/** Where tests live. The tests of an app made by the starter are its own. */
const WHERE = ['packages', 'examples', 'tests', 'scripts', 'bench', 'proofs']
const NOT_OURS = ['node_modules', '.tenfold', '.peers', 'dist', 'assets']

/** Programs outside of npm that some tests drive, and how a test file shows that it does.
 *  The packages that bring them are in `scripts/setup`. */
const DRIVES: Record<string, RegExp> = { chromium: /from '(playwright-core|[^']*\/browser\.ts)'/ }

/** Every test file, or those whose path contains one of the words. */
export function findTests(words: readonly string[], root = repository): string[] {
  return WHERE.flatMap((folder) =>
    globSync(`${folder}/**/*.test.{ts,tsx}`, { cwd: root, exclude: (path) => NOT_OURS.includes(basename(path)) }),
  )
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort()
}

/** The programs that are not installed, one name each, as `scripts/setup` sees it. */
export async function missingPrograms(): Promise<string[]> {
  const { output } = await run('bash', ['scripts/setup', '--missing'])
  return output.split('\n').filter((line) => line !== '')
}

/** Splits the files into those that can run here and those that need a program that is missing. */
export function splitByNeed(
  files: readonly string[],
  missing: readonly string[],
  root = repository,
): { run: string[]; leftOut: string[] } {
  const patterns = missing.map((program) => DRIVES[program]).filter((pattern) => pattern !== undefined)
  const needs = (file: string): boolean => {
    const text = readFileSync(join(root, file), 'utf8')
    return patterns.some((pattern) => pattern.test(text))
  }
  const leftOut = files.filter(needs)
  return { run: files.filter((file) => !leftOut.includes(file)), leftOut }
}
