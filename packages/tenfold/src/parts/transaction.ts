/** The transactions of others, as parts take them: of `pg`, of Kysely, of postgres.js, and of tenfold itself.
 *
 *  What is written goes through the caller's own connection, so it is there if and only if their transaction commits. Workers
 *  are told after the commit where that can be seen (`pg`, tenfold/database, and Kysely on its dialect); otherwise their polling
 *  finds the job within a second. */
import { CompiledQuery } from 'kysely'
import type { SqlTransaction } from '../database/index.ts'
import { NotATransaction } from './errors.ts'

/** A client of `pg` that has run BEGIN; or whatever runs `$1` parameters on one connection, and gives `{ rows }` or the rows. */
export interface ClientTransaction {
  // oxlint-disable-next-line typescript/no-explicit-any -- the overloads of others
  query(text: string, values?: any[]): Promise<any>
}

/** The `trx` of Kysely. */
export interface KyselyTransaction {
  readonly isTransaction: boolean
  // oxlint-disable-next-line typescript/no-explicit-any -- of any version of Kysely
  executeQuery(query: any): Promise<{ rows: any[] }>
  // oxlint-disable-next-line typescript/no-explicit-any -- of any version of Kysely
  getExecutor(): { provideConnection(consumer: (connection: any) => Promise<any>): Promise<any> }
}

/** The `sql` that postgres.js gives to the function of `begin`. */
export interface PostgresTransaction {
  // oxlint-disable-next-line typescript/no-explicit-any -- its parameters are wider than ours
  unsafe(text: string, values?: any[]): PromiseLike<any>
  // oxlint-disable-next-line typescript/no-explicit-any -- only asked whether it is there
  savepoint: (...given: any[]) => unknown
}

export type AnyTransaction = SqlTransaction | ClientTransaction | KyselyTransaction | PostgresTransaction

/** Transactions as one part sees them: clients that it watches for their commit. */
export interface Transactions {
  /** Throws TF_NOT_A_TRANSACTION for what can be seen to be none. */
  of(tx: AnyTransaction, what: string): SqlTransaction
  /** Calls back after the commit; throws where no commit can be seen. */
  afterCommit(tx: AnyTransaction, what: string): Promise<(fn: () => void) => void>
}

interface Committing {
  afterCommit(fn: () => void): void
}

export function createTransactions(): Transactions {
  const watches = new WeakMap<object, CommitWatch>()

  const look = (tx: AnyTransaction, what: string): Seen => {
    const refuse = (given: string): never => {
      throw NotATransaction({ what, given })
    }
    if ((typeof tx !== 'object' && typeof tx !== 'function') || tx === null) return refuse(String(tx))
    if ('afterCommit' in tx) return { tx, committing: async () => tx }
    if ('executeQuery' in tx) return tx.isTransaction ? ofKysely(tx) : refuse('a Kysely that has begun none')
    if ('unsafe' in tx) return 'savepoint' in tx ? ofPostgres(tx) : refuse('a pool of postgres.js')
    if (typeof tx.query !== 'function') return refuse('nothing that runs statements')
    if ('totalCount' in tx) return refuse('a pool, where every statement may take another connection')
    // Newer versions of `pg` know; with an older one it shows when the server has answered.
    const { getTransactionStatus } = tx as { getTransactionStatus?: () => string | null }
    if (getTransactionStatus?.call(tx) === 'I') refuse('a client that has not run BEGIN')
    return ofClient(tx, watches, () => refuse('a client that has not run BEGIN: the job was enqueued at once'))
  }
  return {
    of: (tx, what) => look(tx, what).tx,
    async afterCommit(tx, what) {
      const found = await look(tx, what).committing()
      if (!found) throw NotATransaction({ what, given: 'a transaction whose commit cannot be seen from here' })
      return (fn) => found.afterCommit(fn)
    },
  }
}

interface Seen {
  tx: SqlTransaction
  /** Who tells of the commit; undefined where nobody does. */
  committing(): Promise<Committing | undefined>
}

function ofKysely(trx: KyselyTransaction): Seen {
  /** The connection of our own dialect knows when its transaction commits. */
  let committing: Committing | undefined
  const look = async (): Promise<Committing | undefined> => {
    await trx.getExecutor().provideConnection(async (connection: object) => {
      if ('afterCommit' in connection) committing = connection as Committing
    })
    return committing
  }
  const tx: SqlTransaction = {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const { rows } = await trx.executeQuery(CompiledQuery.raw(text, [...values]))
      await look()
      return { rows: rows as Row[], rowCount: rows.length }
    },
    afterCommit: (fn) => committing?.afterCommit(fn),
  }
  return { tx, committing: look }
}

function ofPostgres(sql: PostgresTransaction): Seen {
  const tx: SqlTransaction = {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const rows = [...((await sql.unsafe(text, [...values])) as Row[])]
      return { rows, rowCount: rows.length }
    },
    afterCommit: () => {},
  }
  return { tx, committing: async () => undefined }
}

function ofClient(client: ClientTransaction, watches: WeakMap<object, CommitWatch>, refuse: () => never): Seen {
  const { connection } = client as { connection?: Partial<Connection> }
  const watch =
    typeof connection?.on === 'function'
      ? (watches.get(client) ?? watchCommits(client, connection as Connection, watches))
      : undefined
  const afterCommit = (fn: () => void): void => void watch?.callbacks.push(fn)
  const tx: SqlTransaction = {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const answer = (await client.query(text, [...values])) as Row[] | { rows: Row[] }
      if (watch?.ended) return refuse()
      const rows = Array.isArray(answer) ? answer : answer.rows
      return { rows, rowCount: rows.length }
    },
    afterCommit,
  }
  return { tx, committing: async () => watch && { afterCommit } }
}

/** The connection of a client of `pg`: it tells how each message of the server ended.
 *    https://www.postgresql.org/docs/18/protocol-message-formats.html  ReadyForQuery: I is outside of a transaction */
interface Connection {
  on(event: string, listener: (message: never) => void): unknown
  off(event: string, listener: (message: never) => void): unknown
}

interface CommitWatch {
  readonly callbacks: (() => void)[]
  /** Whether the server has said that no transaction is open. */
  ended: boolean
}

/** Follows one client until its transaction has ended. */
function watchCommits(client: object, connection: Connection, watches: WeakMap<object, CommitWatch>): CommitWatch {
  const watch: CommitWatch = { callbacks: [], ended: false }
  let committed = false
  const completed = ({ text }: { text?: string }): void => {
    if (text === 'COMMIT' || text === 'ROLLBACK') committed = text === 'COMMIT'
  }
  const ready = ({ status }: { status?: string }): void => {
    if (status !== 'I') return
    watch.ended = true
    watches.delete(client)
    connection.off('commandComplete', completed)
    connection.off('readyForQuery', ready)
    if (committed) for (const callback of watch.callbacks) callback()
  }
  connection.on('commandComplete', completed)
  connection.on('readyForQuery', ready)
  watches.set(client, watch)
  return watch
}
