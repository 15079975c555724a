/** `tenfold/database`: one primary and its replicas for code that uses `pg` or Kysely, with reads that miss no own write; and the
 *  connections that other parts may share. */
import type { Dialect } from 'kysely'
import type { Direct, ReplicaInfo, Result } from '../database/index.ts'
import { openGround, shared, type GroundOptions, type Shared } from './ground.ts'
import { ensureTables } from './tables.ts'

export { migrate, type MigrateOptions, type PartName } from './migrate.ts'
export type { ReplicaInfo, Result, SqlTransaction } from '../database/index.ts'

export interface DatabaseOptions extends GroundOptions {
  /** Open connections of this process to the primary, for you and the parts that share them. Defaults to 20. */
  maxConnections?: number
  /** Read replicas of the same cluster. None by default. They need the table `tenfold.history` on the primary: see `migrate`. */
  replicaUrls?: readonly string[]
  /** A replica that is further behind is not used, in ms. Defaults to 10000, which is also the most. */
  maxReplicaLagMs?: number
  /** Makes what replicas need, where it is missing. Defaults to false. Parts that share this database say so for themselves. */
  migrate?: boolean
}

/** What a client of `pg` gives, with values as `pg` makes them. */
export interface Database extends Shared, AsyncDisposable {
  /** One statement, on the primary.
   *  @example
   *  const { rows } = await database.query<User>('select * from users where id = $1', [id]) */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Result<Row>>
  /** Statements that only read: on a replica that has all that this request has written, else on the primary. */
  readonly replica: Pick<Direct, 'query'>
  /** Commits when `fn` resolves, and rolls back when it throws. After a serialization failure or a deadlock `fn` runs again (at most
   *  5 times), so it must have no effects outside of the transaction.
   *  @example
   *  await database.transaction(async (tx) => {
   *    await tx.query('update orders set paid = true where id = $1', [id])
   *    await sendReceipt.enqueue({ orderId: id }, { tx })
   *  }) */
  transaction: Direct['transaction']
  /** For Kysely: its plain reads outside of transactions go to replicas.
   *  @example
   *  const db = new Kysely<Tables>({ dialect: database.dialect() }) */
  dialect(): Dialect
  /** Runs `fn`, and all that it awaits, as one request, whose reads include everything up to `position`. Text that is no position is
   *  ignored, so it may come from a header or a cookie. Without it the whole process is one request: what anybody has written,
   *  everybody reads.
   *  @example
   *  app.use((request, response, next) => database.follow(request.get('x-position'), next)) */
  follow<T>(position: string | undefined, fn: () => T): T
  /** What the next request of this client has to include, to be given to it; undefined when this request has written nothing, or
   *  there are no replicas. */
  position(): Promise<string | undefined>
  /** The replicas as this process sees them. */
  replicas(): ReplicaInfo[]
  close(): Promise<void>
}

/** @example
 *  const database = await openDatabase({ url, replicaUrls: [replicaUrl], migrate: true })
 *  const queue = await openQueue({ database, migrate: true }) */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const ground = await openGround('database', { maxConnections: 20, ...options })
  const { database, telemetry, name, url, db } = ground
  try {
    if (options.replicaUrls?.length) await ensureHistory()
    await database.service.start()
  } catch (error) {
    await ground.close()
    throw error
  }
  const { query, replica, transaction, dialect } = database.direct('direct')
  return shared(ground, {
    query,
    replica,
    transaction,
    dialect,
    follow<T>(position: string | undefined, fn: () => T): T {
      const { span, context } = telemetry.within(undefined, () => telemetry.begin('custom', 'request', {}))
      return telemetry.within(context, () => {
        database.positions?.accept(position)
        return ended(span, fn)
      })
    },
    position: async () => database.positions?.written(),
    replicas: () => database.replicas(),
    close: ground.close,
    [Symbol.asyncDispose]: ground.close,
  })

  /** The history of the primary is a row that only servers of this very history can show. */
  async function ensureHistory(): Promise<void> {
    await ensureTables({ part: 'database', name, url, sources: [] }, db, options.migrate === true)
  }
}

function ended<T>(span: { end(error?: unknown): void }, fn: () => T): T {
  const result = fn()
  // A callback such as Express's `next` returns at once, and its request goes on: its context ends with the last that holds it.
  if (result instanceof Promise)
    void result.then(
      () => span.end(),
      (error: unknown) => span.end(error),
    )
  return result
}
