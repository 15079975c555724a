/** The app's database without the app: for commands that look at what is stored, or change the schema. */
import { readEnvironment } from '../config/index.ts'
import { migrationStatus, MigrationsPending, openDatabase, type Database } from '../database/index.ts'
import { openQueue, type Queue } from '../queue/index.ts'
import { openRedis } from '../redis/index.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { bind, type Bindings } from './bindings.ts'
import type { App, Config } from './define.ts'
import { engineOf, openQueueWithRedis } from './engines.ts'
import { migrationsOf, type MigrationTarget } from './migrations.ts'

export interface Connected {
  bindings: Bindings
  telemetry: Telemetry
  /** For `migrate`, `migrationStatus` and the like. */
  target: MigrationTarget
  /** Opens the migrated database; throws TF_MIGRATIONS_PENDING before the first migration. */
  open(): Promise<{ database: Database; queue: Queue }>
  close(): Promise<void>
}

/** @param config says which jobs run on Redis: what is enqueued, retried or paused has to go to the right engine */
export async function connect(app: App, root: URL, config: Pick<Config, 'queue'> = {}): Promise<Connected> {
  const environment = readEnvironment(process.env)
  const telemetry = createTelemetry({ service: app.name, env: environment.env, level: 'silent' })
  const bindings = await bind({ app: app.name, environment, telemetry, root, companions: {} })
  const { databaseUrl, databaseDirectUrl, secretKey } = bindings
  const target = { url: databaseDirectUrl, app: app.name, secretKey, sources: migrationsOf(app) }
  const closers: (() => Promise<void>)[] = [() => telemetry.close(), () => bindings.stop()]
  const openJobs = async ({ system: db }: Database) => {
    if (!environment.redisUrl) return openQueue({ db, telemetry })
    const redis = await openRedis({ url: environment.redisUrl, telemetry })
    closers.push(() => redis.close())
    return openQueueWithRedis(
      { db, telemetry, redis, prefix: app.name, engineOf: engineOf(app.modules, config.queue) },
      false,
    )
  }
  return {
    bindings,
    telemetry,
    target,
    async open() {
      const { roleMode, migrations } = await migrationStatus(target)
      if (!roleMode) throw MigrationsPending({ pending: migrations.map(({ module, name }) => `${module}/${name}`) })
      const database = openDatabase({
        url: databaseUrl,
        directUrl: databaseDirectUrl,
        app: app.name,
        secretKey,
        otherKeys: environment.previousSecretKeys,
        roleMode,
        telemetry,
        maxConnections: 4,
      })
      closers.push(() => database.service.stop())
      const queue = await openJobs(database)
      closers.push(() => queue.close())
      return { database, queue }
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close()
    },
  }
}
