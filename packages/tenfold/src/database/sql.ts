/** The narrow door through which the capabilities (queue, cache, sessions …) use Postgres.
 *
 *  D1  Every statement goes through one place, where it is traced, timed, fingerprinted and routed.
 *  D2  Statements are unnamed and parametrised; nothing relies on a session (no SET, LISTEN or session lock), so that all
 *      of it works through PgBouncer in transaction mode. What needs a session says so: `listen`.
 *  D3  A transaction that ends with a serialization failure or a deadlock (40001, 40P01) is run again, from its start. */

export interface Result<Row> {
  rows: Row[]
  /** Rows returned or affected. */
  rowCount: number
}

export interface Sql {
  /** One statement with `$1` parameters. Numbers, strings, booleans, null, Date, Buffer, arrays of these; JSON as a string. */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Result<Row>>
}

/** An open transaction. `afterCommit` runs once the commit has succeeded, and never after a rollback. */
export interface SqlTransaction extends Sql {
  afterCommit(fn: () => void): void
}

export interface SystemDatabase extends Sql {
  /** `fn` may run more than once (D3): it must have no side effects outside of the transaction. */
  transaction<T>(fn: (tx: SqlTransaction) => Promise<T>): Promise<T>
  /** Listens on a channel over a direct connection (one per process, shared by all channels), which is opened again after
   *  a loss; `onMessage` is then called with `undefined`, since messages may have been missed. Returns the way to stop. */
  listen(channel: string, onMessage: (payload: string | undefined) => void): Promise<() => Promise<void>>
}
