import { join } from 'node:path'
import { findTests, missingPrograms, splitByNeed } from './files.ts'
import { runFiles } from './run-files.ts'
import { repository, type StepResult } from './step.ts'
import { startTestDatabase } from './test-database.ts'

/** Runs the test files, each in a process of its own, against one database server. Their report goes to stdout as it comes. */
export async function runTests(words: readonly string[]): Promise<StepResult> {
  const started = performance.now()
  const done = (ok: boolean, note: string): StepResult => {
    return { name: 'tests', ok, ms: performance.now() - started, output: '', note }
  }
  const files = findTests(words)
  if (files.length === 0) return done(false, `no test file has ${words.join(' or ') || '.test.ts'} in its path`)

  const missing = await missingPrograms()
  for (const program of missing) say(`missing: ${program} — run scripts/setup\n`)
  if (missing.length > 0 && process.env.CI) return done(false, 'in CI nothing may be missing')
  const { run: runnable, leftOut } = splitByNeed(files, missing)
  const note = `${runnable.length} files${leftOut.length > 0 ? `, LEFT OUT: ${leftOut.join(', ')}` : ''}`
  if (runnable.length === 0) return done(false, note)

  const database = await startTestDatabase().catch((error: unknown) => {
    say(`the database server for the tests did not start: ${error instanceof Error ? error.stack : String(error)}\n`)
  })
  if (!database) return done(false, 'no database server, so no test was run')
  try {
    const env = {
      ...process.env,
      NODE_ENV: 'test',
      TEST_DATABASE_URL: database.url,
      // Hundreds of processes load the same sources: stripped and compiled once, loading the platform costs half as much CPU.
      NODE_COMPILE_CACHE: join(repository, 'node_modules', '.cache', 'node'),
    }
    const { ok, unsteady } = await runFiles(runnable, env, say)
    if (unsteady.length === 0) return done(ok, note)
    return done(ok, `${note}, UNSTEADY (failed, then passed alone): ${unsteady.join(', ')}`)
  } finally {
    await database.stop()
  }
}

function say(text: string): void {
  process.stdout.write(text)
}
