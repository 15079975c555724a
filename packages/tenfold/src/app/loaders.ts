/** The loaders of an instance. Their rows live as long as the request, job or cron run that asked for them; those asked
 *  for within a transaction as long as that. */
import type { AnyTx } from '../database/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { LoaderDefinition, LoaderHandle, LoaderKey } from '../modules/index.ts'
import type { ContextOf } from './contexts.ts'
import { LoaderMissing, LoaderRows } from './errors.ts'
import { createJoin } from './join.ts'

type AnyLoader = LoaderDefinition<string, any, any>
type Handles = Map<AnyLoader, LoaderHandle>

const LOADERS = Symbol('tenfold.loaders')
const MOST_KEYS = 1000
/** A job that runs for hours does not keep all rows that it ever saw. */
const MOST_KEPT = 10_000

export function createLoaders(
  telemetry: Telemetry,
  contextOf: ContextOf,
): (definition: AnyLoader, tx: AnyTx | undefined) => LoaderHandle {
  const ofTransactions = new WeakMap<AnyTx, Handles>()
  const outside: Handles = new Map()

  const handlesOf = (tx: AnyTx | undefined): Handles => {
    if (tx) {
      let handles = ofTransactions.get(tx)
      if (!handles) ofTransactions.set(tx, (handles = new Map()))
      return handles
    }
    const slots = telemetry.current()?.slots
    if (!slots) return outside
    let handles = slots.get(LOADERS) as Handles | undefined
    if (!handles) slots.set(LOADERS, (handles = new Map()))
    return handles
  }

  return (definition, tx) => {
    const handles = handlesOf(tx)
    let handle = handles.get(definition)
    if (!handle) {
      const context = contextOf(definition.module, new AbortController().signal)
      const within = tx ? Object.assign(context, { db: tx }) : context
      handles.set(definition, (handle = createLoader(definition, within, handles === outside ? 0 : MOST_KEPT)))
    }
    return handle
  }
}

function createLoader({ name, options }: AnyLoader, context: object, mostKept: number): LoaderHandle {
  const kept = new Map<string, Promise<unknown>>()
  const load = options.load as (keys: unknown[], context: object) => Promise<Rows>
  const join = createJoin<unknown, unknown>((keys) => {
    const rows = load(keys, context).then((found) => index(name, options, found))
    return keys.map((key) => rows.then((found) => valueOf(name, options, found, key)))
  }, options.maxBatch ?? MOST_KEYS)
  return {
    load(key) {
      const id = idOf(key)
      const known = kept.get(id)
      if (known) return known
      const asked = join.ask(key)
      if (kept.size >= mostKept) kept.clear()
      if (mostKept > 0) kept.set(id, asked)
      asked.catch(() => kept.delete(id))
      return asked
    },
    forget: (key) => void (key === undefined ? kept.clear() : kept.delete(idOf(key))),
  }
}

type Rows = readonly unknown[] | ReadonlyMap<unknown, unknown>

/** By its text: `5` and `'5'` are one key. */
function idOf(key: unknown): string {
  return String(key as LoaderKey)
}

function index(name: string, { by, many }: AnyLoader['options'], found: Rows): Map<string, unknown> {
  if (found instanceof Map) return new Map([...found].map(([key, value]) => [idOf(key), value]))
  if (by === undefined) throw LoaderRows({ loader: name })
  const rows = new Map<string, unknown>()
  for (const row of found as readonly Record<string, unknown>[]) {
    const key = idOf(row[by])
    const before = rows.get(key) as unknown[] | undefined
    if (many && before) before.push(row)
    else rows.set(key, many ? [row] : row)
  }
  return rows
}

function valueOf(
  name: string,
  { many, missing }: AnyLoader['options'],
  rows: ReadonlyMap<string, unknown>,
  key: unknown,
): unknown {
  const value = rows.get(idOf(key))
  if (value !== undefined) return value
  if (many) return []
  if (missing === 'error') throw LoaderMissing({ loader: name, key: idOf(key) })
  return undefined
}
