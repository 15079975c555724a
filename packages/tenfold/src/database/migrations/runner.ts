/** Applies migration files: one session holds the lock, each file is one transaction of its module's owner.
 *
 *  A file that cannot get a table lock within `lockTimeoutMs` gives way to the readers that wait behind it and tries again
 *  after a jittered pause: readers never stall for longer than that. */
import { messageOf } from '../../kernel/index.ts'
import {
  MigrationChanged,
  MigrationFailed,
  MigrationLocked,
  MigrationMissing,
  MigrationRoles,
  MigrationUnwritten,
} from '../errors.ts'
import { allowStatistics } from '../permissions.ts'
import {
  ensureRoles,
  groupOf,
  keptRoleMode,
  quoteName,
  quoteText,
  roleModeFor,
  rolesOf,
  SYSTEM,
  type RoleMode,
} from '../roles.ts'
import type { Sql } from '../sql.ts'
import { BACKFILL_TABLE, BATCH, backfill, type BackfillProgress } from './backfill.ts'
import { readMigrations, type MigrationFile, type MigrationSource, type Phase } from './files.ts'
import { letRecord, OWNERS_MAY_RECORD, withAdmin, withOwners, type Owners } from './sessions.ts'

export interface MigrateOptions {
  /** A direct connection (no pooler), as a user that may create roles; otherwise all modules share its user. */
  url: string
  app: string
  secretKey: string
  sources: readonly MigrationSource[]
  /** Told of each file as it is applied. */
  onProgress?: (migration: { module: string; name: string; ms: number }) => void
  /** Told of each batch of a backfill. */
  onBatch?: (batch: BackfillProgress) => void
  /** Which of the files are there to be applied. Defaults to all. */
  isIncluded?: (file: { module: string; name: string }) => boolean
  /** Defaults to 100. */
  lockTimeoutMs?: number
  /** How long to wait for another process that is migrating. Defaults to 60000. */
  waitMs?: number
  /** `shared` makes the schemas and their tables as the user of `url`, and nothing else: no roles, whatever that user may do, and
   *  no extension. By default roles are made where that is possible. A database that was begun as `shared` stays so. */
  roleMode?: 'shared'
}

export interface MigrationState {
  module: string
  name: string
  phase: Phase
  state: 'applied' | 'pending' | 'changed' | 'missing'
  appliedAt?: Date
}

interface Applied {
  module: string
  name: string
  checksum: string
  phase: Phase
  applied_at: Date
}

/** Any constant will do, as long as every tenfold process takes the same one. */
const LOCK = 7_283_640_112

export async function migrate(options: MigrateOptions): Promise<{ applied: string[]; roleMode: RoleMode }> {
  return withAdmin(options, async (admin) => {
    await takeLock(admin, options.waitMs ?? 60_000)
    const roleMode = await prepare(admin, options)
    const { isIncluded = () => true } = options
    const files = (await Promise.all(options.sources.map(readMigrations))).flat().filter(isIncluded)
    const states = compare(files, await readApplied(admin))
    refuseDamage(states)
    const pending = files.filter((file) =>
      states.some((s) => s.state === 'pending' && s.module === file.module && s.name === file.name),
    )
    refuseUnwritten(pending)
    const applied: string[] = []
    await withOwners(options, admin, roleMode, async (owners) => {
      for (const file of pending) {
        const started = performance.now()
        await apply(admin, owners, file, options, roleMode)
        const ms = Math.round(performance.now() - started)
        applied.push(`${file.module}/${file.name}`)
        options.onProgress?.({ module: file.module, name: file.name, ms })
      }
    })
    return { applied, roleMode }
  })
}

/** What is applied, pending, changed or missing; changes nothing. `roleMode` is undefined before the first migration. */
export async function migrationStatus(
  options: Pick<MigrateOptions, 'url' | 'app' | 'sources'>,
): Promise<{ migrations: MigrationState[]; roleMode: RoleMode | undefined }> {
  return withAdmin(options, async (admin) => {
    const files = (await Promise.all(options.sources.map(readMigrations))).flat()
    const { rows } = await admin.query<{ there: boolean }>(
      `select to_regclass('tenfold.migration') is not null as there`,
    )
    if (!rows[0]?.there) return { migrations: compare(files, []), roleMode: undefined }
    return { migrations: compare(files, await readApplied(admin)), roleMode: await keptRoleMode(admin) }
  })
}

/** Those that the database lacks, of modules that it knows: the tables of the others are empty, and no code uses them yet. */
export function pendingInUse(migrations: readonly MigrationState[]): MigrationState[] {
  const inUse = new Set(migrations.filter(({ state }) => state === 'applied').map(({ module }) => module))
  return migrations.filter(({ module, state }) => state === 'pending' && inUse.has(module))
}

/** Applied, a file may not change any more: one that was only begun is not, however often the app starts meanwhile. */
function refuseUnwritten(pending: readonly MigrationFile[]): void {
  const begun = pending.find(({ sql }) => sql.replaceAll(/--.*|\/\*[^]*?\*\//g, '').trim() === '')
  if (begun) throw MigrationUnwritten({ module: begun.module, name: begun.name })
}

export function refuseDamage(states: readonly MigrationState[]): void {
  for (const { module, name, state } of states) {
    if (state === 'changed') throw MigrationChanged({ module, name })
    if (state === 'missing') throw MigrationMissing({ module, name })
  }
}

/** The same for a release that only starts. One that a newer release has overtaken may: while that is deployed, instances of
 *  both start, after a crash or when the newer one is taken back. What `contract` migrations have removed it would miss. */
export function refuseDamageToStart(states: readonly MigrationState[]): void {
  refuseDamage(states.filter((one) => !isOvertaken(one, states)))
}

function isOvertaken({ module, name, phase, state }: MigrationState, all: readonly MigrationState[]): boolean {
  if (state !== 'missing' || phase === 'contract') return false
  return all.every((other) => other.module !== module || other.state === 'missing' || other.name < name)
}

async function takeLock(admin: Sql, waitMs: number): Promise<void> {
  const until = Date.now() + waitMs
  for (;;) {
    const { rows } = await admin.query<{ got: boolean }>(`select pg_try_advisory_lock(${LOCK}) as got`)
    if (rows[0]?.got) return
    if (Date.now() > until) throw MigrationLocked({ waitedMs: waitMs })
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100))
  }
}

/** Roles, schemas and the runner's own tables. */
async function prepare(admin: Sql, options: MigrateOptions): Promise<RoleMode> {
  if (options.roleMode && (await keptRoleMode(admin)) === 'separate') throw MigrationRoles()
  const roleMode = options.roleMode ?? (await roleModeFor(admin))
  const modules = [...new Set(options.sources.map((source) => source.schema))].filter((schema) => schema !== SYSTEM)
  if (roleMode === 'separate') await ensureRoles(admin, { app: options.app, modules, secretKey: options.secretKey })
  else for (const schema of [SYSTEM, ...modules]) await ensureOwnSchema(admin, schema)
  await admin.query(`
    create table if not exists tenfold.meta (key text primary key, value text not null);
    create table if not exists tenfold.history (id text primary key, since timestamptz not null default now());
    create table if not exists tenfold.migration (
      module text not null, name text not null, checksum text not null, phase text not null,
      applied_at timestamptz not null default now(), duration_ms integer not null,
      primary key (module, name));
    ${BACKFILL_TABLE};
    ${OWNERS_MAY_RECORD}`)
  await admin.query(
    `insert into tenfold.meta values ('roles', $1) on conflict (key) do update set value = excluded.value`,
    [roleMode],
  )
  if (roleMode === 'separate') {
    await admin.query(
      `grant select on tenfold.meta, tenfold.migration to ${quoteName(rolesOf(options.app, SYSTEM).login)};
       grant select, insert on tenfold.history to ${quoteName(rolesOf(options.app, SYSTEM).login)}`,
    )
    for (const module of [SYSTEM, ...modules]) await admin.query(letRecord(rolesOf(options.app, module).owner))
  }
  if (options.roleMode !== 'shared') await allowStatistics(admin, rolesOf(options.app, SYSTEM).login, roleMode)
  return roleMode
}

/** `create schema if not exists` asks for the right to create one, also where there is nothing to do. */
async function ensureOwnSchema(admin: Sql, schema: string): Promise<void> {
  const { rows } = await admin.query<{ there: boolean }>('select to_regnamespace($1) is not null as there', [
    quoteName(schema),
  ])
  if (!rows[0]?.there) await admin.query(`create schema if not exists ${quoteName(schema)}`)
}

async function readApplied(admin: Sql): Promise<Applied[]> {
  const { rows } = await admin.query<Applied>(
    `select module, name, checksum, phase, applied_at from tenfold.migration order by module, name`,
  )
  return rows
}

function compare(files: readonly MigrationFile[], applied: readonly Applied[]): MigrationState[] {
  const key = (m: { module: string; name: string }): string => `${m.module}/${m.name}`
  const done = new Map(applied.map((row) => [key(row), row]))
  const here = new Set(files.map(key))
  const modules = new Set(files.map((file) => file.module))
  const states: MigrationState[] = files.map(({ module, name, phase, checksum }) => {
    const row = done.get(key({ module, name }))
    if (!row) return { module, name, phase, state: 'pending' }
    return { module, name, phase, state: row.checksum === checksum ? 'applied' : 'changed', appliedAt: row.applied_at }
  })
  // Modules that this process does not have (it runs a part of the app) are not its business.
  const missing = applied.filter((row) => modules.has(row.module) && !here.has(key(row)))
  return [...states, ...missing.map((row): MigrationState => ({ ...row, state: 'missing', appliedAt: row.applied_at }))]
}

async function apply(
  admin: Sql,
  owners: Owners,
  file: MigrationFile,
  options: MigrateOptions,
  roleMode: RoleMode,
): Promise<void> {
  const started = performance.now()
  const owner = await owners.of(file.module)
  for (let attempt = 1; ; attempt++) {
    try {
      if (!file.backfill && file.transactional) return await inTransaction(owner, file, options, roleMode)
      if (file.backfill) await backfill(admin, owner, file, inSchema(file), options.onBatch)
      else await outsideTransaction(owner, file, options, roleMode)
      await owner.query(`select tenfold.record_migration($1, $2, $3, $4, $5)`, [
        file.module,
        file.name,
        file.checksum,
        file.phase,
        Math.round(performance.now() - started),
      ])
      return
    } catch (error) {
      await owner.query('rollback').catch(() => {})
      await owner.query('reset all').catch(() => {})
      const { code, position } = error as { code?: string; position?: string }
      if (code === LOCK_TIMEOUT && attempt < 100) {
        await new Promise((resolve) => setTimeout(resolve, (0.5 + Math.random()) * Math.min(3000, 50 * attempt)))
        continue
      }
      const line = position && file.transactional ? file.sql.slice(0, Number(position)).split('\n').length : undefined
      throw MigrationFailed(
        { module: file.module, name: file.name, reason: messageOf(error), ...(line && { line }) },
        { cause: error },
      )
    }
  }
}

const LOCK_TIMEOUT = '55P03'

/** From the file's first lock to the commit it is one message: no round trip is waited for while a lock is held. */
async function inTransaction(
  owner: Sql,
  file: MigrationFile,
  options: MigrateOptions,
  roleMode: RoleMode,
): Promise<void> {
  const values = [file.module, file.name, file.checksum, file.phase].map(quoteText).join(', ')
  await owner.query(`begin; ${settings(file, options)}`)
  await owner.query(
    [
      withRoleNames(file.sql, options.app, roleMode),
      `; select tenfold.record_migration(${values}, (extract(epoch from clock_timestamp() - now()) * 1000)::int);`,
      'commit',
    ].join('\n'),
  )
}

/** One statement after the other, each of which commits by itself. An index that an earlier attempt left half-made is
 *  removed; one that it finished is left alone. */
async function outsideTransaction(
  owner: Sql,
  file: MigrationFile,
  options: MigrateOptions,
  roleMode: RoleMode,
): Promise<void> {
  const { parseMigration } = await import('../safety/parse.ts')
  for (const { node, source } of await parseMigration(file)) {
    await owner.query(settings(file, options))
    // These wait for transactions to end, without holding up anybody meanwhile.
    if (/\bconcurrently\b/i.test(source)) await owner.query('set lock_timeout = 0')
    const index = 'IndexStmt' in node ? node.IndexStmt.idxname : undefined
    if (index === undefined || !(await isBuilt(owner, file.schema, index))) {
      await owner.query(withRoleNames(source, options.app, roleMode))
    }
    await owner.query('reset all')
  }
}

async function isBuilt(owner: Sql, schema: string, index: string): Promise<boolean> {
  const { rows } = await owner.query<{ valid: boolean }>(
    `select i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
      where c.relnamespace = to_regnamespace($1) and c.relname = $2`,
    [quoteName(schema), index],
  )
  const [found] = rows
  if (found?.valid === false) await owner.query(`drop index concurrently ${quoteName(schema)}.${quoteName(index)}`)
  return found?.valid === true
}

export type TrialOptions = Pick<MigrateOptions, 'url' | 'app' | 'secretKey' | 'sources'>

/** Applies one file without asking whether it is due, and without recording it: for a scratch database. */
export async function applyForTrial(options: TrialOptions, file: MigrationFile): Promise<void> {
  await withAdmin(options, async (admin) => {
    const roleMode = await roleModeFor(admin)
    // Its tables are empty, so that no batch would come about: the statement runs once, on no row.
    const { backfill: inBatches, ...once } = file
    const sql = inBatches ? file.sql.replaceAll(BATCH, 'false') : file.sql
    await withOwners(options, admin, roleMode, (owners) => apply(admin, owners, { ...once, sql }, options, roleMode))
    await admin.query('delete from tenfold.migration where module = $1 and name = $2', [file.module, file.name])
  })
}

function settings(file: MigrationFile, options: MigrateOptions): string {
  const scope = file.transactional ? 'local' : 'session'
  return [
    inSchema(file, scope),
    `set ${scope} lock_timeout = '${options.lockTimeoutMs ?? 100}ms'`,
    `set ${scope} statement_timeout = 0`,
  ].join('; ')
}

function inSchema(file: MigrationFile, scope: 'local' | 'session' = 'local'): string {
  return `set ${scope} search_path = ${quoteName(file.schema)}`
}

/** `:modules` and `:system` in the platform's own files stand for role names. */
function withRoleNames(sql: string, app: string, roleMode: RoleMode): string {
  const modules = roleMode === 'separate' ? quoteName(groupOf(app)) : 'current_user'
  const system = roleMode === 'separate' ? quoteName(rolesOf(app, SYSTEM).login) : 'current_user'
  return sql.replace(/(?<!:):(modules|system)\b/g, (_, which) => (which === 'modules' ? modules : system))
}
