/** Kysely on our connections. Where a statement goes is decided when it comes, not when Kysely asks for a connection:
 *
 *    begin ──> a connection of the primary, until the end of the transaction
 *    a plain read, and nothing else before it ──> a replica that is new enough
 *    anything else ──> a connection of the primary, until Kysely gives the handle back */
import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import type { Connection } from './connections.ts'
import { piecesOf } from './cursor.ts'
import { TransactionAborted, TransactionClosed } from './errors.ts'
import { createPlainReads, type Routing } from './replicas/index.ts'
import { quoteName } from './roles.ts'
import type { Result, Sql } from './sql.ts'
import type { Statements } from './statements.ts'

export function createDialect(statements: Statements, role: string, routing?: Routing): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new RoutedDriver(statements, role, routing),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

class RoutedDriver implements Driver {
  readonly #statements: Statements
  readonly #role: string
  readonly #routing: Routing | undefined
  readonly #isPlainRead = createPlainReads()

  constructor(statements: Statements, role: string, routing: Routing | undefined) {
    this.#statements = statements
    this.#role = role
    this.#routing = routing
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<Handle> {
    return new Handle(this.#statements, this.#role, this.#routing, this.#isPlainRead)
  }

  async beginTransaction(handle: Handle, { isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const isolation = isolationLevel ? ` isolation level ${isolationLevel}` : ''
    await handle.begin(`begin${isolation}${accessMode ? ` ${accessMode}` : ''}`)
  }

  commitTransaction(handle: Handle): Promise<void> {
    return handle.commit()
  }

  rollbackTransaction(handle: Handle): Promise<void> {
    return handle.rollback()
  }

  async savepoint(handle: Handle, name: string): Promise<void> {
    await handle.run(`savepoint ${quoteName(name)}`)
  }

  async rollbackToSavepoint(handle: Handle, name: string): Promise<void> {
    await handle.run(`rollback to ${quoteName(name)}`)
  }

  async releaseSavepoint(handle: Handle, name: string): Promise<void> {
    await handle.run(`release ${quoteName(name)}`)
  }

  async releaseConnection(handle: Handle): Promise<void> {
    handle.release()
  }

  /** The connections are the database's: they are closed with it. */
  async destroy(): Promise<void> {}
}

/** What Kysely holds for a query, a transaction, or as long as `connection()` runs. */
class Handle implements DatabaseConnection {
  readonly #statements: Statements
  readonly #role: string
  readonly #routing: Routing | undefined
  readonly #isPlainRead: (query: CompiledQuery) => boolean
  /** Of the primary. */
  #held: Connection | undefined
  /** Of the open transaction. */
  #callbacks: (() => void)[] | undefined
  /** While its transaction ends, and once it was given back: what somebody did not await must not run alone. */
  #closed = false

  constructor(
    statements: Statements,
    role: string,
    routing: Routing | undefined,
    isPlainRead: (query: CompiledQuery) => boolean,
  ) {
    this.#statements = statements
    this.#role = role
    this.#routing = routing
    this.#isPlainRead = isPlainRead
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const { rows, rowCount } = await this.#answer<Row>(query)
    return query.query.kind === 'SelectQueryNode' ? { rows } : { rows, numAffectedRows: BigInt(rowCount) }
  }

  #answer<Row>(query: CompiledQuery): Promise<Result<Row>> {
    const { sql, parameters } = query
    if (this.#routing && !this.#held && this.#isPlainRead(query))
      return this.#routing.read((target) => target.run<Row>(this.#role, sql, parameters))
    return this.run<Row>(sql, parameters)
  }

  /** In a transaction that reads only, or in the one that is open. */
  async *streamQuery<Row>(query: CompiledQuery, chunkSize = 100): AsyncIterableIterator<QueryResult<Row>> {
    const own = this.#callbacks === undefined
    if (own) await this.begin('begin read only')
    try {
      const run: Sql['query'] = (text, values) => this.run(text, values)
      for await (const rows of piecesOf<Row>(run, query, chunkSize, !own)) yield { rows }
    } finally {
      if (own) await this.rollback()
    }
  }

  /** On the primary. What a transaction writes counts when it commits, all else at once. */
  async run<Row>(text: string, values: readonly unknown[] = []): Promise<Result<Row>> {
    if (this.#closed) throw TransactionClosed()
    const held = (this.#held ??= await this.#statements.acquire(this.#role))
    const go = (): Promise<Result<Row>> => this.#statements.runOn<Row>(held, text, values)
    return this.#routing && !this.#callbacks ? this.#routing.write(go) : go()
  }

  async begin(text: string): Promise<void> {
    this.#callbacks = []
    await this.run(text)
  }

  async commit(): Promise<void> {
    const callbacks = this.#callbacks ?? []
    const { command } = await this.#end((held) =>
      this.#routing ? this.#routing.commit(held) : this.#statements.runOn(held, 'commit', []),
    )
    // Postgres answers COMMIT of a failed transaction with ROLLBACK and no error: the caller must not believe it.
    if (command === 'ROLLBACK') throw TransactionAborted()
    for (const callback of callbacks) callback()
  }

  async rollback(): Promise<void> {
    if (!this.#held?.usable) return void (this.#callbacks = undefined)
    await this.#end((held) => this.#statements.runOn(held, 'rollback', []).catch(() => (held.usable = false)))
  }

  /** Kysely sends one statement after the other, and the end as soon as one has failed: those that wait come meanwhile. */
  async #end<T>(run: (held: Connection) => Promise<T>): Promise<T> {
    this.#callbacks = undefined
    this.#closed = true
    try {
      return await run(this.#held!)
    } finally {
      this.#closed = false
    }
  }

  /** Calls back after the commit of the open transaction, and not at all after a rollback. */
  afterCommit(fn: () => void): void {
    this.#callbacks?.push(fn)
  }

  release(): void {
    if (this.#held) this.#statements.connections.release(this.#held)
    this.#held = undefined
    this.#closed = true
  }
}
