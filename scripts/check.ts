/** `npm run check`: what can be said of the sources without running them; `-- --fix` repairs lint and format. */
import { runChecks } from './test/checks.ts'
import { renderStep } from './test/step.ts'

const results = await runChecks(['lint', 'format', 'unused', 'types', 'pages', 'site'], {
  fix: process.argv.includes('--fix'),
})
for (const result of results) {
  process.stdout.write(`${renderStep(result)}\n`)
  if (!result.ok) process.stdout.write(`${result.output.trimEnd()}\n\n`)
}
process.exitCode = results.every((result) => result.ok) ? 0 : 1
