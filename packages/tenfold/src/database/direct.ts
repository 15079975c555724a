/** The same connections, routes and transactions for code that brings its own queries: SQL as text, and Kysely as a dialect. */
import type { Dialect } from 'kysely'
import { createDialect } from './dialect.ts'
import type { Routing } from './replicas/index.ts'
import type { Sql, SqlTransaction } from './sql.ts'
import type { Statements } from './statements.ts'
import { runTransaction, type TransactionOptions } from './transaction.ts'

export interface Direct extends Sql {
  /** Says that these statements only read: they go to a replica that has all that the present context has written, else to the
   *  primary. */
  readonly replica: Sql
  /** Commits when `fn` resolves. After a serialization failure or a deadlock `fn` runs again, so it must have no effects outside. */
  transaction<T>(fn: (tx: SqlTransaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** For `new Kysely({ dialect })`: what is provably a plain read, outside of transactions, goes to replicas. */
  dialect(): Dialect
}

export function createDirect(statements: Statements, role: string, routing?: Routing): Direct {
  const on =
    (go?: <T>(fn: (target: Statements) => Promise<T>) => Promise<T>): Sql['query'] =>
    (text, values = []) =>
      go ? go((target) => target.run(role, text, values)) : statements.run(role, text, values)
  return {
    query: on(routing?.write),
    replica: { query: on(routing?.read) },
    transaction: (fn, options = {}) =>
      runTransaction(statements, role, options, fn, options.readOnly ? undefined : routing?.commit),
    dialect: () => createDialect(statements, role, routing),
  }
}
