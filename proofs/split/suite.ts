/** The shop's own tests, unchanged, with modules in instances of their own. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** All but the one that starts and kills processes itself: see kill.ts. The first two are the short form. */
export const SUITES = ['purchase', 'crons', 'routes', 'webhooks', 'csv'] as const

export interface Suite {
  passed: number
  failed: string[]
  /** Between modules, over HTTP. */
  calls: number
}

export async function runSuite(
  split: string,
  suites: readonly string[],
  loseAnswers: boolean,
  signal: AbortSignal,
  more: Readonly<Record<string, string>> = {},
): Promise<Suite> {
  const tests = suites.map((name) =>
    fileURLToPath(new URL(`../../examples/shop/tests/${name}.test.ts`, import.meta.url)),
  )
  const counting = fileURLToPath(new URL('./count.program.ts', import.meta.url))
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-calls-'))
  const file = join(folder, 'calls')
  const environment = {
    ...process.env,
    TEST_SPLIT: split,
    CALLS_FILE: file,
    ...(loseAnswers && { LOSE_ANSWERS: '1' }),
    ...more,
  }
  // Inside of a test run, ours would be taken for a part of it.
  delete (environment as NodeJS.ProcessEnv).NODE_TEST_CONTEXT
  const child = spawn(
    process.execPath,
    ['--import', counting, '--test', '--test-concurrency=1', '--test-reporter=tap', ...tests],
    { env: environment, stdio: ['ignore', 'pipe', 'pipe'], signal },
  )
  let output = ''
  child.stdout.on('data', (data: Buffer) => void (output += String(data)))
  child.stderr.on('data', (data: Buffer) => void (output += String(data)))
  await new Promise<void>((resolve, reject) => child.once('error', reject).once('close', () => resolve()))
  const number = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? 0)
  const failed = [...output.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map((match) => match[1]!)
  const counts = await readFile(file, 'utf8').catch(() => '')
  await rm(folder, { recursive: true, force: true })
  const calls = counts.split('\n').reduce((sum, line) => sum + Number(line), 0)
  return {
    passed: number('pass'),
    failed: number('fail') > 0 && failed.length === 0 ? ['the run itself'] : failed,
    calls,
  }
}
