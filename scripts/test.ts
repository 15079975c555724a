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
  types: ['types', 'pages'],
  tests: [],
}

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { only: { type: 'string' } },
  })
  const only = values.only ?? (positionals.length > 0 ? 'tests' : undefined)
  if (only !== undefined && !PARTS[only]) {
    process.stderr.write(`--only takes ${Object.keys(PARTS).join(', ')}; not '${only}'.\n`)
    return 2
  }
  const started = performance.now()
  const checks = only === undefined ? Object.values(PARTS).flat() : (PARTS[only] ?? [])
  const results = await runChecks(checks)
  for (const result of results) showFailure(result)
  if (only === undefined || only === 'tests') results.push(await runTests(positionals))
  return summary(results, performance.now() - started)
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
