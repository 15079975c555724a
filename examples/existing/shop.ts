/** The shop with parts of tenfold in it, and without any web framework: what the servers beside this file have in common. */
import pg from 'pg'
import { openCache } from 'tenfold/cache'
import { openDatabase } from 'tenfold/database'
import { openLimits } from 'tenfold/limits'
import { openQueue } from 'tenfold/queue'
import { openSessions } from 'tenfold/sessions'
import { z } from 'zod'
import {
  createTables,
  findOrder,
  findPrice,
  inTransaction,
  insertOrder,
  sendReceipt,
  setPrice,
  takeFromStock,
  type Order,
} from './orders.ts'

export type Shop = Awaited<ReturnType<typeof openShop>>

export async function openShop(url: string) {
  const pool = new pg.Pool({ connectionString: url })
  await createTables(pool)

  // One set of connections for all parts. Each makes its tables where they are missing, in the schema `tenfold`.
  const database = await openDatabase({ url, maxConnections: 10 })
  const queue = await openQueue({ database, migrate: true })
  const cache = await openCache({ database, migrate: true })
  const limits = await openLimits({ database, migrate: true })
  const sessions = await openSessions({ database, migrate: true })

  const receipt = queue.job('orders.send-receipt', {
    input: z.object({ orderId: z.number() }),
    run: ({ input }) => sendReceipt(pool, input.orderId),
  })
  const prices = cache.define({ name: 'prices', ttl: '5m', load: (product: string) => findPrice(pool, product) })

  return {
    sessions,
    /** Of the sign-in, by address. */
    signIns: limits.define({ name: 'sign-in', by: 'ip', windows: [{ max: 5, per: '1m' }] }),
    findOrder: (id: number): Promise<Order | undefined> => findOrder(pool, id),
    priceOf: (product: string): Promise<number | undefined> => prices.get(product),
    /** Other instances forget the old price when this is committed. */
    setPrice: (product: string, price: number): Promise<void> =>
      inTransaction(pool, async (client) => {
        await setPrice(client, product, price)
        await prices.invalidate(product, { tx: client })
      }),
    /** The job exists if and only if the order does: both are in the transaction that this app had all along. */
    placeOrder: (product: string): Promise<number> =>
      inTransaction(pool, async (client) => {
        const orderId = await insertOrder(client, product)
        await receipt.enqueue({ orderId }, { tx: client })
        await takeFromStock(client, product)
        return orderId
      }),
    /** In the same process as the server, or in one of its own. */
    work: () => queue.work(),
    async close(): Promise<void> {
      await Promise.all([queue.close(), cache.close(), limits.close(), sessions.close()])
      await database.close()
      await pool.end()
    },
  }
}
