/** The one place that every statement passes: traced, timed, fingerprinted here, and later routed here. */
import type { Attributes, Context, Histogram, Span, Telemetry } from '../telemetry/index.ts'
import type { Connection, Connections } from './connections.ts'
import { DatabaseFull, DatabaseLost } from './errors.ts'
import { Exchange, type Answer } from './exchange.ts'
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

  const means: Means = { telemetry, target, watch }

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

  /** Without waiting, where one is idle. */
  const take = (role: string): Connection | undefined => {
    const kept = connections.take(role)
    if (!kept) return undefined
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
    acquire: async (role) => take(role) ?? wait(role),
    runOn<Row>(connection: Connection, text: string, values: readonly unknown[], before?: string) {
      const caller = callerOf(connection.role)
      const shape = shapeOf(text)
      const occurrence = seen(caller, shape, values)
      const ask = (what: Shape, given: readonly unknown[], watched?: Occurrence, ahead?: Shape): Promise<Done<Row>> =>
        new Promise((resolve) => new Statement(means, caller, what, given, watched, ahead, resolve).send(connection))
      if (before === undefined) return ask(shape, values, occurrence)
      const first = shapeOf(before)
      // The simple protocol, which statements without values use, takes no company.
      if (values.length > 0) return ask(shape, values, occurrence, first)
      return ask(first, []).then(() => ask(shape, values, occurrence))
    },
    run<Row>(role: string, text: string, values: readonly unknown[]) {
      return new Promise<Done<Row>>((resolve, reject) => {
        const caller = callerOf(role)
        const shape = shapeOf(text)
        // Before anything is awaited: the caller is still on the stack.
        const occurrence = seen(caller, shape, values)
        const statement = new Statement(means, caller, shape, values, occurrence, undefined, resolve, connections)
        const kept = take(role)
        if (kept) statement.send(kept)
        else wait(role).then((connection) => statement.send(connection), reject)
      })
    },
  }
}

interface Means {
  readonly telemetry: Telemetry
  readonly target: string | undefined
  readonly watch: RepeatWatch | undefined
}

/** One run of a statement: all that is known of it, in one object, from the moment it is asked for until it is answered. */
class Statement extends Exchange {
  private readonly means: Means
  private readonly caller: Caller
  private readonly occurrence: Occurrence | undefined
  private readonly resolve: (done: Done<never> | Promise<never>) => void
  /** Where its connection goes back to; undefined where the caller holds it. */
  private readonly lender: Connections | undefined
  private connection: Connection | undefined = undefined
  private span: Span | undefined = undefined
  /** What is told by the socket belongs to whoever opened the connection. */
  private context: Context | undefined = undefined
  private started = 0
  private running: unknown = undefined

  constructor(
    means: Means,
    caller: Caller,
    shape: Shape,
    values: readonly unknown[],
    occurrence: Occurrence | undefined,
    before: Shape | undefined,
    resolve: (done: Done<never> | Promise<never>) => void,
    lender?: Connections,
  ) {
    super(shape, values, before)
    this.means = means
    this.caller = caller
    this.occurrence = occurrence
    this.resolve = resolve
    this.lender = lender
  }

  send(connection: Connection): void {
    const { telemetry, target } = this.means
    const { module } = this.caller
    const { fingerprint } = this.shape
    this.connection = connection
    this.running = telemetry.statements.watch?.began(module, fingerprint, this.values)
    this.started = performance.now()
    const attributes: Attributes = { 'db.system.name': 'postgresql', 'tenfold.module': module }
    if (target) attributes['tenfold.target'] = target
    if (connection.waitedMs > 0) {
      attributes['tenfold.db.wait_ms'] = connection.waitedMs
      connection.waitedMs = 0
    }
    this.context = telemetry.current()
    this.span = telemetry.start('query', fingerprint, attributes)
    connection.wire.ask(this)
  }

  protected override typesOf(): Connection['types'] {
    return this.connection!.types
  }

  protected override settle(answer: Answer, failure: unknown): void {
    const { telemetry, watch } = this.means
    const { caller, connection, span, shape, occurrence } = this
    const { module } = caller
    caller.duration.record((performance.now() - this.started) / 1000, this.context ?? null)
    span!.set('db.response.returned_rows', answer.rowCount)
    const code = (failure as { code?: string } | undefined)?.code
    if (code) span!.set('db.response.status_code', code)
    span!.end(failure)
    if (failure && endsConnection(failure, connection!)) connection!.usable = false
    if (!failure) {
      telemetry.statements.saw(module, shape.fingerprint, shape.text)
      if (occurrence) watch!.end(occurrence, answer.rows)
    }
    if (this.running !== undefined) telemetry.statements.watch?.ended(this.running)
    this.lender?.release(connection!)
    this.resolve(failure ? refusal(failure) : (answer as Done<never>))
  }
}

/** What the server answers is read where no one waits: out of a promise that whoever asked waits for, the stack leads to them. */
async function refusal(error: unknown): Promise<never> {
  await Promise.resolve()
  await Promise.resolve()
  if (error instanceof Error && 'severity' in error) captureWhole(error)
  throw told(error)
}

/** What is the same for all statements of a role. */
interface Caller {
  readonly module: string
  readonly duration: ReturnType<Histogram['series']>
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

/** An error of our own, or of a value, says nothing of the connection; a FATAL error is the last thing that the server says on one. */
function endsConnection(error: unknown, { wire }: Connection): boolean {
  const { code, severity } = error as { code?: string; severity?: string }
  // 25006: a server that takes no writes any more (or a transaction that said so); a new connection may lead to the new primary.
  return wire.lost || severity === 'FATAL' || code === '25006'
}
