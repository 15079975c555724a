/** Makes every attempt, against a real Postgres. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate, openDatabase, type Db, type MigrationSource } from '../../packages/tenfold/src/database/index.ts'
import { testDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { messageOf } from '../../packages/tenfold/src/kernel/index.ts'
import { migrations as queue } from '../../packages/tenfold/src/queue/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import { ALLOWED, BYPASSES, MIGRATIONS, type Bypass } from './bypasses.ts'

export interface Attempt {
  kind: 'bypass' | 'migration' | 'allowed'
  what: string
  /** What came of it, in words. */
  result: string
  held: boolean
  /** False: the administrator failed with it, too, so that it proves nothing. */
  proves: boolean
}

const SHOP = `
create table item (id int primary key, name text not null);
insert into item values (1, 'mug');
create function peek() returns text language plpgsql security definer
  as 'begin return (select word from vault.secret limit 1); end';`

const VAULT = `
create table secret (id int primary key, word text not null);
insert into secret select n, 'word ' || n from generate_series(1, 100) n;
create sequence number;
create view secrets as select * from secret;
create function tell() returns text language sql as 'select word from vault.secret limit 1';`

/** @param hole a statement that the administrator runs before, to see that the proof finds what it opens */
export async function attemptAll(hole?: string): Promise<Attempt[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-boundaries-'))
  const source = async (module: string, sql: string, name = module): Promise<MigrationSource> => {
    const directory = join(folder, name)
    await mkdir(directory)
    await writeFile(join(directory, '0001_first.sql'), `--! phase: expand\n${sql}\n`)
    return { module, schema: module, directory }
  }
  const sources = [queue, await source('shop', SHOP), await source('vault', VAULT)]
  const db = await testDatabase({ app: 'proof', migrations: sources })
  const { roleMode: _, ...address } = db
  const telemetry = createTelemetry({ service: 'proof', env: 'test', level: 'silent' })
  const asAdmin = openDatabase({ ...db, roleMode: 'shared', telemetry, maxConnections: 2 })
  try {
    const admin = asAdmin.module<object>('admin')
    const shop = db.database.module<object>('shop')
    const vault = db.database.module<object>('vault')
    await admin.sql`analyze vault.secret`
    await vault.sql`select lo_create(4711)`
    await vault.sql`select 'a query with a secret in it'`
    if (hole) await asAdmin.system.query(hole)

    const attempts: Attempt[] = []
    for (const bypass of BYPASSES) attempts.push(await attempt(bypass, shop, admin))
    for (const { what, sql, why } of ALLOWED) {
      const { error } = await rolledBack(shop, sql)
      const result = error === undefined ? `works: ${why}` : `fails: ${messageOf(error)}`
      attempts.push({ kind: 'allowed', what, result, held: error === undefined, proves: true })
    }
    for (const [n, [what, sql]] of Object.entries(MIGRATIONS).entries()) {
      const nosy = await source('nosy', sql, `nosy-${n}`)
      const refusal = await migrate({ ...address, sources: [...sources, nosy] }).then(
        () => undefined,
        (error: unknown) => messageOf(error),
      )
      const held = refusal !== undefined
      attempts.push({ kind: 'migration', what, result: refusal ?? 'DONE', held, proves: true })
      // It is applied now: the next one would be compared with it.
      if (!held) await asAdmin.system.query("delete from tenfold.migration where module = 'nosy'")
    }
    return attempts
  } finally {
    await asAdmin.service.stop()
    await db.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function attempt(bypass: Bypass, shop: Db<object>, admin: Db<object>): Promise<Attempt> {
  const { what, sql, expect, code = '42501', noControl } = bypass
  const { rows, error } = await rolledBack(shop, sql)
  const held = expect === 'denied' ? codeOf(error) === code : error === undefined && rows === 0
  const control = noControl === undefined ? await rolledBack(admin, sql) : undefined
  const proves = !control || (control.error === undefined && (expect === 'denied' || control.rows > 0))
  const outcome = error === undefined ? `runs, ${rows} rows` : `${codeOf(error)} ${messageOf(error)}`
  const vain = proves ? '' : `; for the administrator: ${control?.error ? messageOf(control.error) : 'nothing'}`
  return { kind: 'bypass', what, result: outcome + vain, held, proves }
}

class RollBack extends Error {}

async function rolledBack(db: Db<object>, sql: readonly string[]): Promise<{ rows: number; error?: unknown }> {
  let rows = 0
  try {
    await db.transaction(async (tx) => {
      for (const statement of sql) rows = (await tx.query(statement)).rows.length
      throw new RollBack()
    })
  } catch (error) {
    if (!(error instanceof RollBack)) return { rows, error }
  }
  return { rows }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code
}
