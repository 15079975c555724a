import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { closingLines, inLines, takeCount, type Counts } from './report-lines.ts'
import { repository, run } from './step.ts'

/** Tests race real servers on a machine that may be busy, so a few files that failed run once more, alone. More than these
 *  is no bad luck. What fails twice has failed; what passes then is named in the last lines, to be looked into. */
const MOST_AGAIN = 3

type Say = (text: string) => void

/** Runs test files, two at a time, and those that failed once more. `unsteady` are the files that passed only then. */
export async function runFiles(
  files: readonly string[],
  env: NodeJS.ProcessEnv,
  say: Say,
): Promise<{ ok: boolean; unsteady: string[] }> {
  const first = await runOnce(files, 2, env, say)
  const { failed } = first
  if (first.ok || failed.length === 0 || failed.length > MOST_AGAIN) {
    say(closingLines(first.counts))
    return { ok: first.ok, unsteady: [] }
  }
  say(`\n── once more, alone: ${failed.join(', ')} ──\n`)
  const again = await runOnce(failed, 1, env, say)
  say(closingLines(first.counts, again.counts))
  return { ok: again.ok, unsteady: failed.filter((file) => !again.failed.includes(file)) }
}

/** Runs the files once; what the runner counted is kept back. */
async function runOnce(
  files: readonly string[],
  atOnce: number,
  env: NodeJS.ProcessEnv,
  say: Say,
): Promise<{ ok: boolean; failed: string[]; counts: Counts }> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-tests-'))
  const failures = join(folder, 'failed')
  const counts: Counts = new Map()
  const report = inLines((line) => {
    if (!takeCount(line, counts)) say(line)
  })
  try {
    const { code } = await run('node', nodeArguments(files, atOnce), {
      env: { ...env, FAILED_FILES: failures },
      onText: report.write,
    })
    report.end()
    const failed = await readFile(failures, 'utf8').catch(() => '')
    const paths = failed.split('\n').filter((line) => line !== '')
    return { ok: code === 0, failed: paths.map((path) => relative(repository, path)), counts }
  } finally {
    await rm(folder, { recursive: true })
  }
}

function nodeArguments(files: readonly string[], atOnce: number): string[] {
  return [
    '--test',
    `--test-concurrency=${atOnce}`,
    '--test-timeout=120000',
    '--test-force-exit',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/test/failed-files.ts',
    '--test-reporter-destination=stderr',
    ...files,
  ]
}
