/** The one place that every statement passes: traced, timed, fingerprinted here, and later routed here. */
import type pg from 'pg'
import type { Span, Telemetry } from '../telemetry/index.ts'
import type { Connection, Connections } from './connections.ts'
import { DatabaseFull, DatabaseLost } from './errors.ts'
import { createFingerprint } from './fingerprint.ts'
import type { Occurrence, RepeatWatch } from './nplus1/index.ts'
import type { Result } from './sql.ts'
import { openTransactions } from './transaction.ts'

export interface Statements {
  /** Runs one statement on a connection of that role, from the pool. */
  run<Row>(role: string, text: string, values: readonly unknown[]): Promise<Result<Row>>
  /** Runs one statement on a connection that the caller holds. */
  runOn<Row>(
    connection: Connection,
    text: string,
    values: readonly unknown[],
  ): Promise<Result<Row> & { command: string }>
  /** A connection of that role for as long as the caller wants it; how long that took is recorded. */
  acquire(role: string): Promise<Connection>
  readonly connections: Connections
  readonly telemetry: Telemetry
}

const NOTICED_MS = 1

export function createStatements(
  connections: Connections,
  telemetry: Telemetry,
  moduleOf: (role: string) => string,
  /** Which server they run on, when there is more than one. */
  target?: string,
  /** Sees what is asked again and again; nobody does by default. */
  watch?: RepeatWatch,
): Statements {
  const fingerprint = createFingerprint()
  const duration = telemetry.metrics.histogram('db.client.operation.duration', {
    help: 'Duration of database statements as the client sees it.',
    unit: 's',
  })
  const waits = telemetry.metrics.histogram('db.client.connection.wait_time', {
    help: 'Time that a statement waited for a connection.',
    unit: 's',
  })

  const seen = (role: string, text: string, values: readonly unknown[]): Occurrence | undefined => {
    const transactions = openTransactions()
    return watch?.begin(
      moduleOf(role),
      fingerprint(text),
      text,
      values,
      transactions.length > 0 ? transactions : undefined,
    )
  }

  const runOn = async <Row>(
    connection: Connection,
    text: string,
    values: readonly unknown[],
    occurrence: Occurrence | undefined,
  ) => {
    const module = moduleOf(connection.role)
    const shape = fingerprint(text)
    const { watch: seesRunning } = telemetry.statements
    const asked = seesRunning?.began(module, shape, values)
    const started = performance.now()
    const span = telemetry.start('query', shape, {
      'db.system.name': 'postgresql',
      'tenfold.module': module,
      ...(target && { 'tenfold.target': target }),
    })
    if (connection.waitedMs > 0) {
      span.set('tenfold.db.wait_ms', connection.waitedMs)
      connection.waitedMs = 0
    }
    try {
      const answer = (await connection.client.query(text, values as unknown[])) as pg.QueryResult | pg.QueryResult[]
      // Several statements at once: the command of the first, the rows of the last.
      const result = Array.isArray(answer) ? { ...answer.at(-1)!, command: answer[0]!.command } : answer
      const rowCount = result.rowCount ?? result.rows?.length ?? 0
      end(span, started, module, rowCount)
      telemetry.statements.saw(module, shape, text)
      if (occurrence) watch!.end(occurrence, result.rows ?? [])
      return { rows: (result.rows ?? []) as Row[], rowCount, command: result.command }
    } catch (error) {
      if (endsConnection(error)) connection.usable = false
      end(span, started, module, 0, error)
      throw told(error)
    } finally {
      seesRunning?.ended(asked)
    }
  }

  const end = (span: Span, started: number, module: string, rows: number, error?: unknown): void => {
    duration.record((performance.now() - started) / 1000, { module })
    span.set('db.response.returned_rows', rows)
    const code = (error as { code?: string } | undefined)?.code
    if (code) span.set('db.response.status_code', code)
    span.end(error)
  }

  const acquire = async (role: string): Promise<Connection> => {
    const started = performance.now()
    const connection = await connections.acquire(role)
    const waitedMs = performance.now() - started
    waits.record(waitedMs / 1000)
    // What nobody would notice is not worth an attribute.
    connection.waitedMs = waitedMs >= NOTICED_MS ? waitedMs : 0
    return connection
  }

  return {
    connections,
    telemetry,
    acquire,
    runOn: (connection, text, values) => runOn(connection, text, values, seen(connection.role, text, values)),
    async run<Row>(role: string, text: string, values: readonly unknown[]) {
      // Before anything is awaited: the caller is still on the stack.
      const occurrence = seen(role, text, values)
      const connection = await acquire(role)
      try {
        return await runOn<Row>(connection, text, values, occurrence)
      } finally {
        connections.release(connection)
      }
    },
  }
}

/** What says nothing about the statement but something about the server has a code of ours, and is answered with 503. */
function told(error: unknown): unknown {
  const { code = '', severity, message = '' } = error as { code?: string; severity?: string; message?: string }
  if (code === '53100') return DatabaseFull({ reason: message }, { cause: error })
  const lost =
    severity === 'FATAL' ||
    severity === 'PANIC' ||
    /^(08|57P)/.test(code) ||
    /^(ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/.test(code) ||
    (!code && /^(Connection terminated|Client was closed|Client has encountered|the server closed)/.test(message))
  return lost ? DatabaseLost({ reason: message || code }, { cause: error }) : error
}

/** Without an SQLSTATE it was the connection that failed; a FATAL error is the last thing that the server says on one. */
function endsConnection(error: unknown): boolean {
  const { code, severity } = error as { code?: string; severity?: string }
  // 25006: a server that takes no writes any more (or a transaction that said so); a new connection may lead to the new primary.
  return severity === 'FATAL' || code === '25006' || code === undefined || !/^[0-9A-Z]{5}$/.test(code)
}
