/** What a module's code gets as `db`: Kysely's query builder on the module's own role, with transactions and raw SQL. */
import {
  DefaultQueryExecutor,
  PostgresAdapter,
  PostgresQueryCompiler,
  QueryCreator,
  sql,
  type Compilable,
  type CompiledQuery,
  type DatabaseConnection,
  type QueryExecutor,
  type QueryExecutorProvider,
  type QueryResult,
  type RawBuilder,
} from 'kysely'
import { piecesOf } from './cursor.ts'
import { runTransaction, type OpenTransaction, type TransactionOptions } from './transaction.ts'
import type { Result, Sql, SqlTransaction } from './sql.ts'
import type { Statements } from './statements.ts'
import { createPlainReads, type Routing } from './replicas/index.ts'

/** Typed queries over the tables of one module.
 *  @example
 *  const open = await db.selectFrom('orders').selectAll().where('state', '=', 'open').execute()
 *  await db.transaction(async (tx) => {
 *    await tx.updateTable('orders').set({ state: 'paid' }).where('id', '=', id).execute()
 *  })
 *  const { rows } = await db.sql<{ n: number }>`select count(*) as n from orders` */
export interface Queries<Tables> extends QueryCreator<Tables>, QueryExecutorProvider {
  /** Raw SQL; values in `${}` become parameters, never text. */
  sql<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Result<Row>>
}

/** Where replicas are configured, plain reads of the query builder go to one that is new enough: it has everything that this
 *  request has written, on this instance or another. Raw SQL, locks, functions that may write, and all else that is not
 *  provably a plain read go to the primary. */
export interface Db<Tables> extends Queries<Tables> {
  /** Says that these queries only read, where tenfold cannot see it: raw SQL, functions of your own. They go to a replica
   *  that is new enough, else to the primary.
   *  @example await db.replica.sql<{ n: number }>`select count(*) as n from orders` */
  readonly replica: Queries<Tables>
  /** Always the primary: for a read that must not miss what others have committed. */
  readonly primary: Queries<Tables>
  /** Several reads of one moment: a read-only transaction on one replica, or on the primary. It may run twice, when the
   *  replica is lost or cancels it.
   *  @example const [orders, total] = await db.readonly(async (tx) => [await open(tx), await sum(tx)]) */
  readonly<T>(fn: (tx: Tx<Tables>) => Promise<T>): Promise<T>
  /** Runs `fn` in one transaction of this module; it is committed when `fn` resolves and rolled back when it throws.
   *  After a serialization failure or a deadlock `fn` runs again (at most `attempts` times, 5 by default), so it must
   *  have no effects outside of the transaction. */
  transaction<T>(fn: (tx: Tx<Tables>) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** The rows of a large query in bounded memory: a cursor in a read-only transaction, `batch` rows at a time (500 by
   *  default). Holds one connection until the last row, or until the loop is left.
   *  @example
   *  for await (const order of db.stream(db.selectFrom('orders').selectAll())) write(order) */
  stream<Row>(query: Compilable<Row>, options?: { batch?: number }): AsyncIterableIterator<Row>
}

/** An open transaction: the same queries, and the thing that `enqueue` and `publish` take as `{ tx }`. */
export interface Tx<Tables> extends Queries<Tables>, SqlTransaction {}

/** Any module's transaction, where its tables do not matter. */
export type AnyTx = SqlTransaction

/** The queries of `role`, each on whatever connection is free, and with `routing` on whatever server may answer it. */
export function createDb<Tables>(statements: Statements, role: string, routing?: Routing): Db<Tables> {
  const on =
    (go?: <T>(fn: (target: Statements) => Promise<T>) => Promise<T>): Sql['query'] =>
    (text, values = []) =>
      go ? go((target) => target.run(role, text, values)) : statements.run(role, text, values)
  const write: Sql = { query: on(routing?.write) }
  const read: Sql = routing ? { query: on(routing.read) } : write
  const readPrimary: Sql = routing ? { query: on(routing.readPrimary) } : write
  return Object.assign(queriesOver<Tables>(write, read), {
    replica: queriesOver<Tables>(read),
    primary: queriesOver<Tables>(write, readPrimary),
    readonly: <T>(fn: (tx: Tx<Tables>) => Promise<T>): Promise<T> => {
      const run = (target: Statements, attempts: number): Promise<T> =>
        runTransaction(target, role, { ...SNAPSHOT, attempts }, (open) => fn(createTx<Tables>(open)))
      return routing ? routing.read((target) => run(target, 1)) : run(statements, 5)
    },
    transaction: <T>(fn: (tx: Tx<Tables>) => Promise<T>, options: TransactionOptions = {}): Promise<T> =>
      runTransaction(
        statements,
        role,
        options,
        (open) => fn(createTx<Tables>(open)),
        options.readOnly ? undefined : routing?.commit,
      ),
    stream: <Row>(query: Compilable<Row>, { batch = 500 } = {}) =>
      streamRows<Row>(statements, role, query.compile(), batch),
  })
}

const SNAPSHOT: TransactionOptions = { isolation: 'repeatable read', readOnly: true }

async function* streamRows<Row>(
  statements: Statements,
  role: string,
  query: CompiledQuery<Row>,
  batch: number,
): AsyncIterableIterator<Row> {
  const connection = await statements.acquire(role)
  const { wire } = connection
  const run: Sql['query'] = (text, values = []) =>
    statements.runOn(connection, text, values, wire.inTransaction ? undefined : 'begin read only')
  try {
    for await (const rows of piecesOf<Row>(run, query, batch)) yield* rows
  } finally {
    if (connection.usable && wire.inTransaction)
      await statements.runOn(connection, 'rollback', []).catch(() => (connection.usable = false))
    statements.connections.release(connection)
  }
}

function createTx<Tables>(open: OpenTransaction): Tx<Tables> {
  return Object.assign(queriesOver<Tables>(open), { query: open.query, afterCommit: open.afterCommit })
}

/** @param reads where plain reads go; the same place by default */
function queriesOver<Tables>(target: Sql, reads: Sql = target): Queries<Tables> {
  const executor = executorOver(target, reads)
  const creator = new QueryCreator<Tables>({ executor })
  const raw = <Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Result<Row>> => {
    const built = sql(strings, ...values) as RawBuilder<Row>
    const compiled = built.compile({ getExecutor: () => executor })
    return target.query<Row>(compiled.sql, compiled.parameters)
  }
  // `getExecutor` lets Kysely's own sql`…`.execute(db) work on it too.
  return Object.assign(creator, { sql: raw, getExecutor: () => executor })
}

/** Kysely's compiler and plugins, with our own statements in place of its driver. Made for each transaction, too: what costs
 *  something to make has no state, and is shared. */
class Executor extends DefaultQueryExecutor {
  readonly #connection: DatabaseConnection

  constructor(connection: DatabaseConnection) {
    super(COMPILER, ADAPTER, { provideConnection: (consumer) => consumer(connection) })
    this.#connection = connection
  }

  /** Kysely would ask for a connection first. We have none to ask for, and so the caller is still on the stack when the
   *  statement begins: what is found about it can name the line. */
  override executeQuery<Row>(query: CompiledQuery, options?: ExecuteOptions): Promise<QueryResult<Row>> {
    return options?.signal ? super.executeQuery(query, options) : this.#connection.executeQuery(query)
  }
}

type ExecuteOptions = Parameters<QueryExecutor['executeQuery']>[1]

const COMPILER = new PostgresQueryCompiler()
const ADAPTER = new PostgresAdapter()

function executorOver(target: Sql, reads: Sql): QueryExecutor {
  const isPlainRead = reads === target ? undefined : createPlainReads()
  const connection: DatabaseConnection = {
    executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      const to = isPlainRead?.(query) ? reads : target
      const answer = to.query<Row>(query.sql, query.parameters)
      return givesRows(query) ? answer : answer.then(counted)
    },
    async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
      yield await connection.executeQuery<Row>(query)
    },
  }
  return new Executor(connection)
}

/** Its rows are all that is asked for. */
function givesRows({ query }: CompiledQuery): boolean {
  return query.kind === 'SelectQueryNode' || ('returning' in query && query.returning !== undefined)
}

function counted<Row>({ rows, rowCount }: Result<Row>): QueryResult<Row> {
  return { rows, numAffectedRows: BigInt(rowCount) }
}

/** What a json or jsonb column carries. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json | undefined }
