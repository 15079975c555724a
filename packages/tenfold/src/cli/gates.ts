/** Judging migrations from the command line: what the releases that run send, the three gates, and how it is shown. */
import { pathToFileURL } from 'node:url'
import type { MigrationTarget } from '../app/index.ts'
import type { Environment } from '../config/index.ts'
import { migrationStatus, openDatabase, pendingInUse, refuseDamage, type MigrationState } from '../database/index.ts'
import { checkMigrations, explain, refusals, type CheckResult, type Finding } from '../database/safety/index.ts'
import { readStatements, type ReleasedStatements } from '../inspect/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { MigrationsRefused } from './errors.ts'
import type { Output } from './output.ts'
import { fromHere } from './project.ts'

/** Which files are judged: those that the database lacks; all; or those it lacks of modules that it knows. */
export type Which = 'pending' | 'all' | 'pending of modules in use'

export async function judgeMigrations(target: MigrationTarget, which: Which): Promise<CheckResult> {
  const { app, sources } = target
  const { migrations, roleMode } = await migrationStatus(target)
  refuseDamage(migrations)
  const judged = new Set(chosen(migrations, which).map(({ module, name }) => `${module}/${name}`))
  const { liveReleases, statements } = roleMode && judged.size > 0 ? await recordedIn(target) : NOTHING
  return checkMigrations({
    app,
    sources,
    isPending: ({ module, name }) => judged.has(`${module}/${name}`),
    recorded: statements,
    liveReleases,
  })
}

function chosen(migrations: readonly MigrationState[], which: Which): readonly MigrationState[] {
  if (which === 'all') return migrations
  return which === 'pending' ? migrations.filter(({ state }) => state === 'pending') : pendingInUse(migrations)
}

const NOTHING: ReleasedStatements = { liveReleases: [], statements: [] }

/** As the administrator: the roles may not have the passwords of this secret key yet, which migrating gives them. */
async function recordedIn({ url, app, secretKey }: MigrationTarget): Promise<ReleasedStatements> {
  const telemetry = createTelemetry({ service: app, env: 'production', level: 'silent' })
  const database = openDatabase({ url, app, secretKey, roleMode: 'shared', telemetry, maxConnections: 1 })
  try {
    return await readStatements(database.system)
  } catch (error) {
    // Undefined table or column: the database is older than the record of statements.
    if (['42P01', '42703'].includes((error as { code?: string }).code ?? '')) return NOTHING
    throw error
  } finally {
    await database.service.stop()
    await telemetry.close()
  }
}

/** Throws when one of them is refused: for whatever applies them where an app may be running. */
export function refuseDangerous({ findings }: CheckResult): void {
  const refused = refusals(findings)
  if (refused.length > 0) throw MigrationsRefused({ migrations: namesOf(refused) })
}

/** Before a start applies migrations: those that `tenfold migrate up` would refuse end it in production; in development, where
 *  nobody waits and the data can be made again, they are shown and applied. */
export async function judgeBeforeStart(
  target: MigrationTarget,
  env: Environment['env'],
  output: Output,
): Promise<void> {
  const judged = await judgeMigrations(target, 'pending of modules in use')
  const refused = refusals(judged.findings)
  // Standard output is the app's: its log, or the one line of --json.
  const aside = { ...output, line: (text = '') => output.error(text) }
  if (refused.length > 0) showFindings({ ...judged, findings: refused }, aside)
  if (env === 'production') return refuseDangerous(judged)
  if (refused.length > 0)
    aside.line(output.paint('yellow', `In development it is applied all the same: ${namesOf(refused).join(', ')}.\n`))
}

const namesOf = (findings: readonly Finding[]): string[] => [...new Set(findings.map(({ migration }) => migration))]

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
    const { level, allowed, code } = finding
    const word =
      allowed !== undefined
        ? output.paint('grey', 'allowed')
        : level === 'error'
          ? output.paint('red', 'refused')
          : output.paint('yellow', 'warning')
    output.line(`${word} ${output.paint('bold', code)} ${placeIn(finding)}`)
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

/** The file and the line, as people write them. */
export function placeIn(finding: Finding): string {
  return `${pathOf(finding)}:${finding.line}`
}

function pathOf({ file }: Finding): string {
  return fromHere(pathToFileURL(file))
}
