/** `npm test`: lint, format and types, then every test.
 *
 *    npm test                      everything
 *    npm test -- queue cron        only the test files with one of the words in their path
 *    npm test -- --only lint       only one part: lint, types or tests
 *
 *  Exit code 0 only if every part that ran passed. */
import { parseArgs } from 'node:util'
import { runChecks, type CheckName } from './test/checks.ts'
import { runTests } from './test/run-tests.ts'
import { renderStep, type StepResult } from './test/step.ts'

const PARTS: Record<string, readonly CheckName[]> = {
  lint: ['lint', 'format', 'unused'],
  types: ['types', 'pages', 'site'],
  tests: [],
}

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  const asked = parse(argv)
  if (typeof asked === 'string') {
    process.stderr.write(`${asked}\n`)
    return 2
  }
  const { only, words } = asked
  const started = performance.now()
  const checks = only === undefined ? Object.values(PARTS).flat() : (PARTS[only] ?? [])
  const results = await runChecks(checks)
  for (const result of results) showFailure(result)
  if (only === undefined || only === 'tests') results.push(await runTests(words))
  return summary(results, performance.now() - started)
}

/** What is asked for, or the sentence that says what is wrong with it. Words alone mean the tests alone. */
function parse(argv: readonly string[]): { only: string | undefined; words: string[] } | string {
  try {
    const options = { only: { type: 'string' } } as const
    const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options })
    const only = values.only ?? (positionals.length > 0 ? 'tests' : undefined)
    if (only === undefined || Object.hasOwn(PARTS, only)) return { only, words: positionals }
    return `--only takes ${Object.keys(PARTS).join(', ')}; not '${only}'.`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function showFailure(result: StepResult): void {
  if (!result.ok) process.stdout.write(`── ${result.name} ──\n${result.output.trimEnd()}\n\n`)
}

function summary(results: readonly StepResult[], ms: number): number {
  const failed = results.filter((result) => !result.ok)
  const code = failed.length === 0 ? 0 : 1
  const verdict = code === 0 ? 'all passed' : `failed: ${failed.map((result) => result.name).join(', ')}`
  const lines = ['', ...results.map(renderStep), `${verdict}, ${(ms / 1000).toFixed(1)} s, exit code ${code}`]
  process.stdout.write(`${lines.join('\n')}\n`)
  return code
}
