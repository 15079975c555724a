/** `postgres` (porsager): everything it sends is a `Query`, a promise that is sent when somebody first waits for it. Its text
 *  is put together even later, so that it is known at the end only. */
import { observerOf, type Observer, type Seat } from '../seat.ts'
import { createTransactions } from './transactions.ts'

interface Query {
  executed: boolean
  tagged: boolean
  strings: readonly string[]
  args: readonly unknown[]
  parameters?: readonly unknown[]
  statement?: { string?: string } | null
  state?: { pid?: number } | null
  origin?: string
  resolve(value: unknown): void
  reject(error: unknown): void
  handle(): unknown
}

export interface PostgresHooks {
  /** A query object was made; it need not be sent. */
  made(query: Query): void
  query(exported: { prototype: Query }): void
}

const MOST_SITES = 1000
const FRAMES = 40

export function createPostgresHooks(seat: Seat): PostgresHooks {
  const sites = new WeakMap<Query, { stack?: string }>()
  const sitesByText = new Map<string, { stack?: string }>()
  const transactions = createTransactions<number | undefined>(() => new Map())

  const watch = (query: Query, observer: Observer): void => {
    const later = observer.askLater()
    const { resolve, reject } = query
    const underway = () => {
      const text = query.statement?.string ?? query.strings.join('?')
      return later({
        text,
        values: query.parameters ?? query.args ?? [],
        site: sites.get(query) ?? { stack: query.origin ?? '' },
        transaction: transactions.of(query.state?.pid, text),
      })
    }
    query.resolve = (value) => {
      const rows = Array.isArray(value) ? value : []
      underway()?.done(rows, (value as { count?: number | null } | null)?.count ?? rows.length)
      resolve(value)
    }
    query.reject = (error) => {
      underway()?.failed(error)
      reject(error)
    }
  }

  return {
    // Of a tagged template the driver itself knows the line; of `sql.unsafe(text)`, which query builders use, it does not.
    made(query) {
      if (query.tagged || !observerOf(seat)) return
      const text = String(query.strings[0])
      let site = sitesByText.get(text)
      if (!site) {
        if (sitesByText.size >= MOST_SITES) sitesByText.clear()
        sitesByText.set(text, (site = stackHere()))
      }
      sites.set(query, site)
    },

    query({ prototype }) {
      const handle = prototype.handle
      seat.drivers.add('postgres')
      prototype.handle = function (this: Query): unknown {
        const observer = this.executed ? undefined : observerOf(seat)
        if (observer) watch(this, observer)
        return Reflect.apply(handle, this, [])
      }
    },
  }
}

function stackHere(): { stack?: string } {
  const site: { stack?: string } = {}
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  Error.captureStackTrace(site, stackHere)
  Error.stackTraceLimit = before
  return site
}
