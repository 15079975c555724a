/** Judging migrations from the command line: what the releases that run send, the three gates, and how it is shown. */
import { pathToFileURL } from 'node:url'
import type { Connected } from '../app/index.ts'
import { migrationStatus, refuseDamage } from '../database/index.ts'
import { checkMigrations, explain, refusals, type CheckResult, type Finding } from '../database/safety/index.ts'
import { readStatements, type ReleasedStatements } from '../inspect/index.ts'
import type { Output } from './output.ts'
import { fromHere } from './project.ts'

/** Which files are judged: those that the database lacks; all; or those it lacks of modules that it knows, since the tables
 *  of the others are empty and no code uses them yet. */
export type Which = 'pending' | 'all' | 'pending of modules in use'

export async function judgeMigrations(connected: Connected, which: Which): Promise<CheckResult> {
  const { app, sources } = connected.target
  const { migrations, roleMode } = await migrationStatus(connected.target)
  refuseDamage(migrations)
  const inUse = new Set(migrations.filter(({ state }) => state === 'applied').map(({ module }) => module))
  const judged = new Set(
    migrations
      .filter(({ module, state }) =>
        which === 'all' ? true : state === 'pending' && (which === 'pending' || inUse.has(module)),
      )
      .map(({ module, name }) => `${module}/${name}`),
  )
  const { liveReleases, statements } = roleMode && judged.size > 0 ? await recordedIn(connected) : NOTHING
  return checkMigrations({
    app,
    sources,
    isPending: ({ module, name }) => judged.has(`${module}/${name}`),
    recorded: statements,
    liveReleases,
  })
}

const NOTHING: ReleasedStatements = { liveReleases: [], statements: [] }

async function recordedIn(connected: Connected): Promise<ReleasedStatements> {
  const { database } = await connected.open()
  try {
    return await readStatements(database.system)
  } catch (error) {
    // Undefined table or column: the database is older than the record of statements.
    if (['42P01', '42703'].includes((error as { code?: string }).code ?? '')) return NOTHING
    throw error
  }
}

/** The findings as data for programs: with their words, and paths as people write them. */
export function reportOf({ findings, files, statements, skipped }: CheckResult): object {
  return {
    ok: refusals(findings).length === 0,
    files,
    statements,
    skipped,
    findings: findings.map((finding) => ({ ...finding, file: pathOf(finding), ...explain(finding) })),
  }
}

export function showFindings({ findings, skipped }: CheckResult, output: Output): void {
  for (const finding of findings) {
    const { why, safe } = explain(finding)
    const { level, allowed, code, line } = finding
    const word =
      allowed !== undefined
        ? output.paint('grey', 'allowed')
        : level === 'error'
          ? output.paint('red', 'refused')
          : output.paint('yellow', 'warning')
    output.line(`${word} ${output.paint('bold', code)} ${pathOf(finding)}:${line}`)
    if (allowed !== undefined) output.line(`  because ${allowed}`)
    else {
      output.line(`  ${why}`)
      if (safe !== '') output.line(`  ${output.paint('grey', 'the safe way:')}\n${indented(safe)}`)
    }
    output.line()
  }
  for (const { gate, reason } of skipped)
    output.line(output.paint('yellow', `The gate '${gate}' did not run: ${reason}`))
}

function indented(sql: string): string {
  return sql.replaceAll(/^/gm, '    ')
}

function pathOf({ file }: Finding): string {
  return fromHere(pathToFileURL(file))
}
