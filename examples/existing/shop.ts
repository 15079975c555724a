/** The shop with parts of tenfold in it, and without any web framework: what the servers beside this file have in common. */
import pg from 'pg'
import { openQueue } from 'tenfold/queue'
import { z } from 'zod'
import {
  createTables,
  findOrder,
  inTransaction,
  insertOrder,
  sendReceipt,
  takeFromStock,
  type Order,
} from './orders.ts'

export type Shop = Awaited<ReturnType<typeof openShop>>

export async function openShop(url: string) {
  const pool = new pg.Pool({ connectionString: url })
  await createTables(pool)
  const queue = await openQueue({ url, migrate: true })

  const receipt = queue.job('orders.send-receipt', {
    input: z.object({ orderId: z.number() }),
    run: ({ input }) => sendReceipt(pool, input.orderId),
  })

  return {
    queue,
    findOrder: (id: number): Promise<Order | undefined> => findOrder(pool, id),
    /** The job exists if and only if the order does: both are in the transaction that this app had all along. */
    placeOrder: (product: string): Promise<number> =>
      inTransaction(pool, async (client) => {
        const orderId = await insertOrder(client, product)
        await receipt.enqueue({ orderId }, { tx: client })
        await takeFromStock(client, product)
        return orderId
      }),
    async close(): Promise<void> {
      await queue.close()
      await pool.end()
    },
  }
}
