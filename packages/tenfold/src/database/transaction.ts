/** A transaction on one connection: begun, run, committed; run again from its start after a serialization failure or
 *  a deadlock (40001, 40P01), with a growing, jittered pause.
 *    https://www.postgresql.org/docs/18/mvcc-serialization-failure-handling.html */
import { AsyncLocalStorage } from 'node:async_hooks'
import { NestedTransaction, TransactionAborted, TransactionClosed } from './errors.ts'
import type { Connection } from './connections.ts'
import type { SqlTransaction } from './sql.ts'
import type { Statements } from './statements.ts'

export interface TransactionOptions {
  /** Defaults to `read committed`. */
  isolation?: 'read committed' | 'repeatable read' | 'serializable'
  /** Refuses writes. Defaults to false. */
  readOnly?: boolean
  /** How often the function may run in all. Defaults to 5; 1 never runs it again. */
  attempts?: number
}

/** Commits what is open on a connection, and says what the server answered. */
export type Commit = (connection: Connection) => Promise<{ command: string }>

export interface OpenTransaction extends SqlTransaction {
  readonly connection: Connection
}

const RETRIED = new Set(['40001', '40P01'])

/** The transactions that are open in this flow of awaits (not merely in this request: parallel branches do not count). */
const flow = new AsyncLocalStorage<readonly string[]>()

/** The roles whose transactions are open in the present flow, outermost first. */
export function openTransactions(): readonly string[] {
  return flow.getStore() ?? []
}

export async function runTransaction<T>(
  statements: Statements,
  role: string,
  options: TransactionOptions,
  fn: (tx: OpenTransaction) => Promise<T>,
  commit?: Commit,
): Promise<T> {
  const attempts = options.attempts ?? 5
  const outer = openTransactions()
  if (outer.includes(role)) throw NestedTransaction({ role })
  for (let attempt = 1; ; attempt++) {
    try {
      return await statements.telemetry.span('transaction', 'transaction', { attempt }, () =>
        flow.run([...outer, role], () => runOnce(statements, role, options, fn, commit)),
      )
    } catch (error) {
      const code = (error as { code?: string }).code
      if (!code || !RETRIED.has(code) || attempt >= attempts) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * 2 ** attempt))
    }
  }
}

async function runOnce<T>(
  statements: Statements,
  role: string,
  options: TransactionOptions,
  fn: (tx: OpenTransaction) => Promise<T>,
  commit: Commit = (connection) => statements.runOn(connection, 'commit', []),
): Promise<T> {
  const connection = await statements.acquire(role)
  const { wire } = connection
  const afterCommit: (() => void)[] = []
  /** Statements in line, and at last the end of the transaction. */
  const waiting: (() => void)[] = []
  let busy = false
  /** Whether it may be asked something. */
  let open = true
  /** Whether what waits may still run. */
  let failed = false
  let asked = false
  const opening = begin(options)
  const tx: OpenTransaction = {
    connection,
    async query<Row>(text: string, values: readonly unknown[] = []) {
      if (!open) throw TransactionClosed()
      asked = true
      // One at a time; those given at once (`Promise.all`) run one after the other. The usual case runs at once: whoever asked is
      // then still on the stack, for those who want to know the line.
      if (busy) await new Promise<void>((go) => void waiting.push(go))
      busy = true
      try {
        if (failed) throw TransactionClosed()
        // It goes along with the first statement: a transaction that runs none asks the server nothing. If that one was never
        // sent (a value that cannot be written), it goes along with the next: nothing must stand alone.
        const before = wire.inTransaction ? undefined : opening
        // Awaited, not handed on: so the stack of an error leads to whoever asked.
        return await statements.runOn<Row>(connection, text, values, before)
      } finally {
        const next = waiting.shift()
        if (next) next()
        else busy = false
      }
    },
    afterCommit: (callback) => void afterCommit.push(callback),
  }
  /** When all that was asked before has ended. Nobody comes after: what is asked from now on is refused. */
  const last = async (): Promise<void> => {
    open = false
    if (busy) await new Promise<void>((go) => void waiting.push(go))
    busy = false
  }
  try {
    const result = await fn(tx)
    // What nobody awaited is part of the transaction, too: if the server refuses it, it refuses the commit.
    await last()
    // Postgres answers COMMIT of a failed transaction with ROLLBACK and no error: the caller must not believe it.
    if (asked) {
      const { command } = await commit(connection)
      if (command === 'ROLLBACK') throw TransactionAborted()
    }
    for (const callback of afterCommit) callback()
    return result
  } catch (error) {
    failed = true
    await last()
    if (connection.usable && wire.inTransaction)
      await statements.runOn(connection, 'rollback', []).catch(() => (connection.usable = false))
    throw error
  } finally {
    statements.connections.release(connection)
  }
}

function begin({ isolation, readOnly }: TransactionOptions): string {
  return `begin${isolation ? ` isolation level ${isolation}` : ''}${readOnly ? ' read only' : ''}`
}
