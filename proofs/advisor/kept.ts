/** Runs that were played, in a folder: a proof of an hour can be played in pieces, and judged again without being played.
 *  Beside `played.jsonl` lies the evidence of each, which `tenfold advise` judges, too. */
import { execFileSync } from 'node:child_process'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Evidence } from '../../packages/tenfold/src/evidence/index.ts'
import type { LoadResult } from './load.program.ts'

/** What of a run is no evidence: who generated the load knows it. */
export interface Kept {
  scenario: string
  seed: number
  seconds: number
  load: LoadResult
  loadAverage: number
  /** What was played: the commit, with `+` where files had been changed since. */
  commit: string
}

export interface Archive {
  runs(): readonly Kept[]
  has(scenario: string, seed: number): boolean
  keep(run: Kept, evidence: Evidence): Promise<void>
  evidenceOf(run: Kept): Promise<Evidence>
}

export async function openArchive(folder: string): Promise<Archive> {
  await mkdir(folder, { recursive: true })
  const list = join(folder, 'played.jsonl')
  const lines = await readFile(list, 'utf8').catch(() => '')
  const runs = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Kept)
  const fileOf = ({ scenario, seed }: Kept): string =>
    join(folder, `${scenario.replaceAll(/\W+/g, '-')}.${String(seed)}.json`)
  return {
    runs: () => runs,
    has: (scenario, seed) => runs.some((one) => one.scenario === scenario && one.seed === seed),
    async keep(run, evidence) {
      await writeFile(fileOf(run), JSON.stringify(evidence, null, 1))
      await appendFile(list, `${JSON.stringify(run)}\n`)
      runs.push(run)
    },
    evidenceOf: async (run) => JSON.parse(await readFile(fileOf(run), 'utf8')) as Evidence,
  }
}

/** The commit of these sources; without git, their date is all that is known. */
export function commitNow(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const changed = git('status', '--porcelain', '--', '.', '../../packages/tenfold/src/evidence').trim() !== ''
    return git('rev-parse', '--short', 'HEAD').trim() + (changed ? '+' : '')
  } catch {
    return 'unknown'
  }
}
