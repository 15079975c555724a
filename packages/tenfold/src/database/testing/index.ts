/** Real databases for tests: one server per process, one database per test, each ready in a fraction of a second. */
import { createHash } from 'node:crypto'
import { randomHex } from '../../kernel/index.ts'
import { createTelemetry, type Telemetry } from '../../telemetry/index.ts'
import {
  migrate,
  openDatabase,
  readMigrations,
  type Database,
  type MigrationSource,
  type RoleMode,
  type SystemDatabase,
} from '../index.ts'
import { createDatabase, databaseUrl, dropDatabase, startTestServer, type TestServer } from './server.ts'

import { createPlainDatabase, type PlainDatabase } from './plain.ts'
import { pgbouncerProgram, startPooler, type TestPooler } from './pooler.ts'
import type { TestReplica } from './replica.ts'

export { debianPrograms, startDebian, type DebianServer } from './debian.ts'
export { type PlainDatabase } from './plain.ts'
export { pgbouncerProgram, startPooler, type PoolMode, type TestPooler, type TestPoolerOptions } from './pooler.ts'
export { startPrimary, type TestPrimary, type TestPrimaryOptions } from './primary.ts'
export { createReplica, type TestReplica, type TestReplicaOptions } from './replica.ts'
export { createDatabase, databaseUrl, dropDatabase, startTestServer, type TestServer } from './server.ts'

/** The one thing that is shared by all tests of a process: its server, and the migrated databases that new ones are copied from. */
const shared = {
  server: undefined as Promise<TestServer> | undefined,
  pooler: undefined as Promise<TestPooler> | undefined,
  templates: new Map<string, Promise<Template>>(),
}

/** The server of this process, started on the first call. */
export function testServer(): Promise<TestServer> {
  return (shared.server ??= startTestServer())
}

/** The pooler before this process's server, in transaction mode; started on the first call. */
export function testPooler(): Promise<TestPooler> {
  return (shared.pooler ??= testServer().then((server) => startPooler(server)))
}

/** An empty database of an app that is not made with tenfold, on the server of this process. */
export async function plainDatabase(): Promise<PlainDatabase> {
  return createPlainDatabase(await testServer())
}

export interface TestDatabaseOptions {
  /** Of the modules and capabilities under test; a module without files may name a folder that is not there. */
  migrations?: readonly MigrationSource[]
  /** Prefix of the roles. Defaults to `test`. */
  app?: string
  /** Where the statements are recorded. Defaults to one that keeps nothing and prints nothing. */
  telemetry?: Telemetry
  /** Defaults to 10. */
  maxConnections?: number
  /** Replicas of `testServer()`, made with `createReplica`; the database is there on all of them when this resolves. */
  replicas?: readonly TestReplica[]
  /** How statements get to the server. Through PgBouncer in transaction mode, `url` and LISTEN stay direct. Defaults
   *  to TEST_VIA, else `direct`: `TEST_VIA=pgbouncer npm test` sends everything through it. */
  via?: Via
}

export type Via = 'direct' | 'pgbouncer'

/** Both ways where PgBouncer is installed (`scripts/setup`), else the direct one: for suites that have to pass on each.
 *  @example for (const via of ways()) describeQueueContract(`postgres, ${via}`, () => open(via)) */
export function ways(): readonly Via[] {
  return pgbouncerProgram() ? ['direct', 'pgbouncer'] : ['direct']
}

export interface TestDatabase {
  /** The administrator's address of this database: what DATABASE_URL would be. */
  url: string
  /** Where the statements go: `url`, or the pooler before it. */
  statementUrl: string
  app: string
  secretKey: string
  roleMode: RoleMode
  database: Database
  /** The same as `database.system`: the platform's own tables. */
  system: SystemDatabase
  /** Closes the connections and removes the database. */
  close(): Promise<void>
}

/** A migrated database of its own.
 *  @example
 *  const db = await testDatabase({ migrations: [migrations] })
 *  await db.system.query('select 1')
 *  await db.close() */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { migrations = [], app = 'test', maxConnections = 10 } = options
  const secretKey = 'a secret key for tests, and nothing else'
  const server = await testServer()
  const name = `test_${app}_${randomHex(6)}`
  const { url, roleMode } = await migrated(server, name, { app, secretKey, sources: migrations })
  const telemetry = options.telemetry ?? createTelemetry({ service: app, env: 'test', level: 'silent' })
  const { replicas = [] } = options
  await Promise.all(replicas.map((replica) => replica.caughtUp()))
  const replicaUrls = replicas.map((replica) => databaseUrl(replica.adminUrl, name))
  const statementUrl = (options.via ?? process.env.TEST_VIA) === 'pgbouncer' ? (await testPooler()).urlOf(url) : url
  const database = openDatabase({
    url: statementUrl,
    directUrl: url,
    app,
    secretKey,
    roleMode,
    telemetry,
    maxConnections,
    replicaUrls,
  })
  return {
    url,
    statementUrl,
    app,
    secretKey,
    roleMode,
    database,
    system: database.system,
    close: async () => {
      await database.service.stop()
      await dropDatabase(server, name)
    },
  }
}

interface Wanted {
  app: string
  secretKey: string
  sources: readonly MigrationSource[]
}

interface Template {
  name: string
  roleMode: RoleMode
}

/** A server of others gets nothing that would stay behind, so there each database is migrated by itself. */
async function migrated(
  server: TestServer,
  name: string,
  wanted: Wanted,
): Promise<{ url: string; roleMode: RoleMode }> {
  if (process.env.TEST_DATABASE_URL) {
    const url = await createDatabase(server, name)
    return { url, roleMode: (await migrate({ url, ...wanted })).roleMode }
  }
  const files = (await Promise.all(wanted.sources.map(readMigrations))).flat()
  const content = JSON.stringify([wanted.app, wanted.sources.map(({ module, schema }) => [module, schema]), files])
  const key = createHash('sha256').update(content).digest('hex').slice(0, 16)
  let template = shared.templates.get(key)
  if (!template) shared.templates.set(key, (template = makeTemplate(server, `template_${key}`, wanted)))
  const { roleMode } = await template
  await createDatabase(server, name, `template_${key}`)
  return { url: databaseUrl(server.adminUrl, name), roleMode }
}

async function makeTemplate(server: TestServer, name: string, wanted: Wanted): Promise<Template> {
  const url = await createDatabase(server, name)
  const { roleMode } = await migrate({ url, ...wanted })
  return { name, roleMode }
}
