/** `pg`: all its ways lead through `Client.prototype.query`, those of a pool through `Pool.prototype.query` before. Query
 *  builders and ORMs (Kysely, Drizzle, Knex, TypeORM, Sequelize, Prisma's adapter) stand on top of it. */
import { errorMonitor, type EventEmitter } from 'node:events'
import { observerOf, type PoolCounts, type Seat, type Underway } from '../seat.ts'
import { createTransactions } from './transactions.ts'

interface OneResult {
  rows?: unknown[]
  rowCount?: number | null
}
type Result = OneResult | OneResult[]
type Callback = (error: unknown, result?: Result) => void

/** What may stand before the values: a text, a configuration, or something that sends itself (a cursor). */
interface Config {
  text?: string
  values?: unknown
  callback?: Callback
  submit?: unknown
}

interface Queries {
  query(config: unknown, ...rest: unknown[]): unknown
}

interface Pool extends Queries, PoolCounts {
  connect(callback?: (...args: unknown[]) => void): unknown
}

export interface PgHooks {
  client(exported: { prototype: Queries }): void
  pool(exported: { prototype: Pool }): void
}

export function createPgHooks(seat: Seat): PgHooks {
  /** Statements that a pool was asked for and that wait for a client, by the object that carries them. */
  const waiting = new WeakMap<object, Underway>()
  const transactions = createTransactions<object>(() => new WeakMap())
  const pools = new WeakSet<object>()

  return {
    client({ prototype }) {
      const query = prototype.query
      seat.drivers.add('pg')
      prototype.query = function (this: object, config: unknown, ...rest: unknown[]): unknown {
        const send = (first: unknown = config): unknown => Reflect.apply(query, this, [first, ...rest])
        const observer = observerOf(seat)
        const asked = observer && read(config, rest)
        if (!observer || !asked) return send()
        const carried = isObject(config) ? waiting.get(config) : undefined
        const underway = carried ?? observer.ask({ ...asked, transaction: transactions.of(this, asked.text) })
        if (!underway) return send()
        if (carried) waiting.delete(config as object)
        underway.sent()
        if (isSubmittable(config)) {
          watchEvents(config, underway)
          return send()
        }
        const telling =
          (callback: Callback): Callback =>
          (error, result) => {
            settle(underway, error, result)
            underway.within(() => callback(error, result))
          }
        const at = rest.findIndex((one) => typeof one === 'function')
        if (at >= 0) {
          rest[at] = telling(rest[at] as Callback)
          return send()
        }
        const { callback } = config as Config
        if (typeof callback === 'function') return send({ ...(config as object), callback: telling(callback) })
        return settling(send(), underway)
      }
    },

    pool({ prototype }) {
      const { query, connect } = prototype
      prototype.connect = function (this: Pool, callback?: (...args: unknown[]) => void): unknown {
        const observer = observerOf(seat)
        if (observer && !pools.has(this)) {
          pools.add(this)
          seat.pools.add(new WeakRef(this))
        }
        const kept = observer && typeof callback === 'function' ? observer.keepContext(callback) : callback
        return Reflect.apply(connect, this, [kept])
      }
      prototype.query = function (this: Pool, config: unknown, ...rest: unknown[]): unknown {
        const observer = observerOf(seat)
        const asked = observer && !isSubmittable(config) ? read(config, rest) : undefined
        if (!observer || !asked) return Reflect.apply(query, this, [config, ...rest])
        // A client gets the statement later, maybe in a line behind others: by this object it is known again.
        const carrier = isObject(config) ? config : { text: config }
        const underway = observer.ask(asked)
        if (underway) waiting.set(carrier, underway)
        return Reflect.apply(query, this, [carrier, ...rest])
      }
    },
  }
}

function read(config: unknown, [given]: readonly unknown[]): { text: string; values: readonly unknown[] } | undefined {
  if (typeof config === 'string') return { text: config, values: Array.isArray(given) ? given : [] }
  if (!isObject(config)) return undefined
  // Cursors keep their text deeper.
  const { text, values, cursor } = config as Config & { cursor?: Config }
  const said = text ?? cursor?.text
  const first = Array.isArray(given) ? given : values
  return typeof said === 'string' ? { text: said, values: Array.isArray(first) ? first : [] } : undefined
}

function settle(underway: Underway, error: unknown, result: Result | undefined): void {
  if (error) return underway.failed(error)
  // Several statements at once have several results: the rows are those of the last.
  const last = Array.isArray(result) ? result.at(-1) : result
  const rows = last?.rows ?? []
  underway.done(rows, last?.rowCount ?? rows.length)
}

/** The promise that is handed on fails as the driver's does: a rejection that nobody handles stays one. */
function settling(answer: unknown, underway: Underway): unknown {
  if (typeof (answer as Promise<unknown> | undefined)?.then !== 'function') return answer
  return (answer as Promise<Result>).then(
    (result) => {
      settle(underway, undefined, result)
      return result
    },
    (error: unknown) => {
      underway.failed(error)
      throw error
    },
  )
}

function isObject(config: unknown): config is object {
  return typeof config === 'object' && config !== null
}

function isSubmittable(config: unknown): config is EventEmitter {
  return isObject(config) && typeof (config as Config).submit === 'function'
}

/** It reads as long as it likes. One that ends without an event is not recorded. */
function watchEvents(config: EventEmitter, underway: Underway): void {
  if (typeof config.once !== 'function') return
  config.once(errorMonitor, (error: unknown) => underway.failed(error))
  config.once('end', () => underway.done([], 0))
}
