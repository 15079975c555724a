/** The modules that the cases run in: `catalog` is called, `store` has the tables and all cases. */
import { z } from 'zod'
import { contract, defineModule, tables } from '../../packages/tenfold/src/index.ts'
import type { ModuleContext } from '../../packages/tenfold/src/index.ts'

const Product = z.object({ id: z.string(), name: z.string(), price: z.number() })

export const catalog = contract('catalog', {
  product: { input: z.string(), output: Product },
  priceOf: { input: z.object({ productId: z.string(), currency: z.string() }), output: z.number() },
  products: { input: z.array(z.string()), output: z.array(Product) },
  joined: { input: z.string(), output: Product, batch: true },
})

/** Columns do not matter here: what the cases do is seen by what they send. */
export interface StoreTables {
  // oxlint-disable-next-line typescript/no-explicit-any -- columns do not matter here
  [table: string]: Record<string, any>
}

const c = defineModule('catalog')
const priceOf = (id: string): number => 100 + (id.charCodeAt(0) % 50)
const product = (id: string): z.infer<typeof Product> => ({ id, name: `product ${id.slice(0, 4)}`, price: priceOf(id) })

/** Answers without a database: what is found in a case of calls is the call. */
export const catalogModule = c.build({
  parts: [
    c.implement(catalog, {
      product: async ({ input }) => product(input),
      priceOf: async ({ input }) => priceOf(input.productId),
      products: async ({ input }) => input.map(product),
      joined: async ({ inputs }) => inputs.map(product),
    }),
  ],
})

export const store = defineModule('store', { uses: { catalog }, tables: tables<StoreTables>() })

export const customerOf = store.loader('customer', {
  by: 'id',
  load: (ids: string[], { db }) => db.selectFrom('customer').selectAll().where('id', 'in', ids).execute(),
})

export const anyCustomerOf = store.loader('any-customer', {
  by: 'id',
  load: async (ids: string[], { db }) =>
    (await db.sql<{ id: string }>`select * from customer where id = any(${ids})`).rows,
})

export interface CaseContext extends ModuleContext<{
  name: 'store'
  uses: { catalog: typeof catalog }
  tables: StoreTables
  settings: unknown
}> {
  /** The body of the request, or the input of the job. */
  // oxlint-disable-next-line typescript/no-explicit-any -- JSON of every kind
  given: any
  /** Somebody outside who is slow to thank: one HTTP call. */
  deliver(id: string): Promise<void>
}

export interface Case {
  name: string
  /** What a reviewer says: should this be one query? */
  label: 'n-plus-one' | 'fine'
  /** The statement that has to be named. */
  names?: RegExp
  /** Defaults to a request. */
  as?: 'job' | 'cron'
  /** What the request or the job is given. */
  given?: unknown
  run(context: CaseContext): Promise<unknown>
}
