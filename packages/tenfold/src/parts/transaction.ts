/** The transactions of others, as the queue takes them: of `pg`, of Kysely, of postgres.js, and of tenfold itself.
 *
 *  What is written goes through the caller's own connection, so it is there if and only if their transaction commits. Workers
 *  are told after the commit where that can be seen (`pg`, tenfold); otherwise their polling finds the job within a second. */
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
}

/** The `sql` that postgres.js gives to the function of `begin`. */
export interface PostgresTransaction {
  // oxlint-disable-next-line typescript/no-explicit-any -- its parameters are wider than ours
  unsafe(text: string, values?: any[]): PromiseLike<any>
  // oxlint-disable-next-line typescript/no-explicit-any -- only asked whether it is there
  savepoint: (...given: any[]) => unknown
}

export type AnyTransaction = SqlTransaction | ClientTransaction | KyselyTransaction | PostgresTransaction

/** Transactions as one queue sees them: clients that it watches for their commit. */
export interface Transactions {
  /** Throws TF_NOT_A_TRANSACTION for what can be seen to be none. */
  of(tx: AnyTransaction, what: string): SqlTransaction
}

export function createTransactions(): Transactions {
  const commits = new WeakMap<object, CommitWatch>()
  return {
    of(tx, what) {
      const refuse = (given: string): never => {
        throw NotATransaction({ what, given })
      }
      if ((typeof tx !== 'object' && typeof tx !== 'function') || tx === null) return refuse(String(tx))
      if ('afterCommit' in tx) return tx
      if ('executeQuery' in tx) return tx.isTransaction ? ofKysely(tx) : refuse('a Kysely that has begun none')
      if ('unsafe' in tx) return 'savepoint' in tx ? ofPostgres(tx) : refuse('a pool of postgres.js')
      if (typeof tx.query !== 'function') return refuse('nothing that runs statements')
      if ('totalCount' in tx) return refuse('a pool, where every statement may take another connection')
      return ofClient(tx, commits, () => refuse('a client that has not run BEGIN: the job was enqueued at once'))
    },
  }
}

function ofKysely(tx: KyselyTransaction): SqlTransaction {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const { rows } = await tx.executeQuery(CompiledQuery.raw(text, [...values]))
      return { rows: rows as Row[], rowCount: rows.length }
    },
    afterCommit: () => {},
  }
}

function ofPostgres(tx: PostgresTransaction): SqlTransaction {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const rows = [...((await tx.unsafe(text, [...values])) as Row[])]
      return { rows, rowCount: rows.length }
    },
    afterCommit: () => {},
  }
}

function ofClient(tx: ClientTransaction, commits: WeakMap<object, CommitWatch>, refuse: () => never): SqlTransaction {
  const { connection } = tx as { connection?: Partial<Connection> }
  const watch =
    typeof connection?.on === 'function'
      ? (commits.get(tx) ?? watchCommits(tx, connection as Connection, commits))
      : undefined
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const answer = (await tx.query(text, [...values])) as Row[] | { rows: Row[] }
      if (watch?.ended) return refuse()
      const rows = Array.isArray(answer) ? answer : answer.rows
      return { rows, rowCount: rows.length }
    },
    afterCommit: (fn) => void watch?.callbacks.push(fn),
  }
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
function watchCommits(client: object, connection: Connection, commits: WeakMap<object, CommitWatch>): CommitWatch {
  const watch: CommitWatch = { callbacks: [], ended: false }
  let last: string | undefined
  const completed = ({ text }: { text?: string }): void => void (last = text)
  const ready = ({ status }: { status?: string }): void => {
    if (status !== 'I') return
    watch.ended = true
    commits.delete(client)
    connection.off('commandComplete', completed)
    connection.off('readyForQuery', ready)
    if (last === 'COMMIT') for (const callback of watch.callbacks) callback()
  }
  connection.on('commandComplete', completed)
  connection.on('readyForQuery', ready)
  commits.set(client, watch)
  return watch
}
