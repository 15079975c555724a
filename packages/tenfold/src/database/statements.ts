/** The one place that every statement passes: traced, timed, fingerprinted here, and later routed here. */
import type { Attributes, Histogram, Span, Telemetry } from '../telemetry/index.ts'
import type { Connection, Connections } from './connections.ts'
import { DatabaseFull, DatabaseLost } from './errors.ts'
import { exchange } from './exchange.ts'
import type { Occurrence, RepeatWatch } from './nplus1/index.ts'
import { createShapes, type Shape } from './shapes.ts'
import type { Result } from './sql.ts'
import { openTransactions } from './transaction.ts'

export interface Statements {
  /** Runs one statement on a connection of that role, from the pool. */
  run<Row>(role: string, text: string, values: readonly unknown[]): Promise<Done<Row>>
  /** Runs one statement on a connection that the caller holds.
   *  @param before what has to run before it, without values (`begin`): it goes along where that is possible, and costs no round
   *    trip then */
  runOn<Row>(connection: Connection, text: string, values: readonly unknown[], before?: string): Promise<Done<Row>>
  /** A connection of that role for as long as the caller wants it; how long that took is recorded. */
  acquire(role: string): Promise<Connection>
  readonly connections: Connections
  readonly telemetry: Telemetry
}

export interface Done<Row> extends Result<Row> {
  command: string
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
  const shapeOf = createShapes()
  const duration = telemetry.metrics.histogram('db.client.operation.duration', {
    help: 'Duration of database statements as the client sees it.',
    unit: 's',
  })
  const waits = telemetry.metrics
    .histogram('db.client.connection.wait_time', { help: 'Time that a statement waited for a connection.', unit: 's' })
    .series({})

  const callers = new Map<string, Caller>()
  const callerOf = (role: string): Caller => {
    let caller = callers.get(role)
    if (!caller) {
      const module = moduleOf(role)
      callers.set(role, (caller = { module, duration: duration.series({ module }) }))
    }
    return caller
  }

  const seen = ({ module }: Caller, shape: Shape, values: readonly unknown[]): Occurrence | undefined => {
    if (!watch) return undefined
    const transactions = openTransactions()
    const within = transactions.length > 0 ? transactions : undefined
    return watch.begin(module, shape.fingerprint, shape.text, values, within)
  }

  const send = async <Row>(
    connection: Connection,
    caller: Caller,
    shape: Shape,
    values: readonly unknown[],
    occurrence: Occurrence | undefined,
    before?: Shape,
  ): Promise<Done<Row>> => {
    const { module } = caller
    const { fingerprint, text } = shape
    const { watch: seesRunning } = telemetry.statements
    const asked = seesRunning?.began(module, fingerprint, values)
    const started = performance.now()
    const attributes: Attributes = { 'db.system.name': 'postgresql', 'tenfold.module': module }
    if (target) attributes['tenfold.target'] = target
    if (connection.waitedMs > 0) {
      attributes['tenfold.db.wait_ms'] = connection.waitedMs
      connection.waitedMs = 0
    }
    const span = telemetry.start('query', fingerprint, attributes)
    try {
      const done = await exchange(connection.client, connection.types, shape, values, before)
      end(span, started, caller, done.rowCount)
      telemetry.statements.saw(module, fingerprint, text)
      if (occurrence) watch!.end(occurrence, done.rows)
      return done as Done<Row>
    } catch (error) {
      if (endsConnection(error)) connection.usable = false
      end(span, started, caller, 0, error)
      // What the server answers is read where no one waits: from here the stack leads to whoever asked.
      if (error instanceof Error && 'severity' in error) captureWhole(error)
      throw told(error)
    } finally {
      seesRunning?.ended(asked)
    }
  }

  const end = (span: Span, started: number, caller: Caller, rows: number, error?: unknown): void => {
    caller.duration.record((performance.now() - started) / 1000)
    span.set('db.response.returned_rows', rows)
    const code = (error as { code?: string } | undefined)?.code
    if (code) span.set('db.response.status_code', code)
    span.end(error)
  }

  /** Without waiting, where one is idle. */
  const acquire = (role: string): Connection | Promise<Connection> => {
    const kept = connections.take(role)
    if (!kept) return wait(role)
    waits.record(0)
    kept.waitedMs = 0
    return kept
  }

  const wait = async (role: string): Promise<Connection> => {
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
    acquire: async (role) => acquire(role),
    async runOn<Row>(connection: Connection, text: string, values: readonly unknown[], before?: string) {
      const caller = callerOf(connection.role)
      const shape = shapeOf(text)
      const occurrence = seen(caller, shape, values)
      // Awaited, not handed on: so the stack of an error leads to whoever asked.
      if (before === undefined) return await send<Row>(connection, caller, shape, values, occurrence)
      const first = shapeOf(before)
      // The simple protocol, which statements without values use, takes no company.
      if (values.length > 0) return await send<Row>(connection, caller, shape, values, occurrence, first)
      await send(connection, caller, first, [], undefined)
      return await send<Row>(connection, caller, shape, values, occurrence)
    },
    async run<Row>(role: string, text: string, values: readonly unknown[]) {
      const caller = callerOf(role)
      const shape = shapeOf(text)
      // Before anything is awaited: the caller is still on the stack.
      const occurrence = seen(caller, shape, values)
      const free = acquire(role)
      const connection = free instanceof Promise ? await free : free
      try {
        return await send<Row>(connection, caller, shape, values, occurrence)
      } finally {
        connections.release(connection)
      }
    },
  }
}

/** What is the same for all statements of a role. */
interface Caller {
  readonly module: string
  readonly duration: Pick<Histogram, 'record'>
}

/** The ten calls that Node.js keeps end where the query builder does. */
function captureWhole(error: Error): void {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 30
  Error.captureStackTrace(error, captureWhole)
  Error.stackTraceLimit = stackTraceLimit
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
