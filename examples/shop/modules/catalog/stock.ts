/** Stock moves only here. An order reserves in its own request, before its own transaction: the two modules share none.
 *
 *    reserve() -> held --keep()--> kept --release()--> released
 *                   └--- release(), or 30 minutes --------┘
 *
 *  Whatever dies in between leaves a row that is `held`, and the cron below puts its pieces back. */
import { sql, type Tx } from 'tenfold'
import type { z } from 'zod'
import { catalog, Product, type Line, type ReservedLine } from './contract.ts'
import { NoProduct, OutOfStock, ReservationOver } from './errors.ts'
import { m } from './kit.ts'
import { product } from './products.ts'
import type { CatalogTables } from './tables.gen.ts'

type Line = z.infer<typeof Line>
type CatalogTx = Tx<CatalogTables>

const HELD_MINUTES = 30

export const implementation = m.implement(catalog, {
  async productsByIds({ input, db }) {
    if (input.ids.length === 0) return []
    const rows = await db
      .selectFrom('products')
      .selectAll()
      .where('id', 'in', input.ids)
      .where('active', '=', true)
      .execute()
    return rows.map((row) => Product.parse(row))
  },

  async reserve({ input: { reservation, lines }, db }) {
    const { reserved, soldOut } = await db.transaction(async (tx) => {
      const { numInsertedOrUpdatedRows: isNew } = await tx
        .insertInto('reservations')
        .values({ id: reservation, held_until: sql`now() + make_interval(mins => ${HELD_MINUTES})` })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow()
      if (!isNew) return { reserved: await linesOf(tx, reservation), soldOut: [] }
      const taken = await take(tx, lines)
      await tx
        .insertInto('reservation_lines')
        .values(
          lines.map((line) => ({ reservation_id: reservation, product_id: line.productId, quantity: line.quantity })),
        )
        .execute()
      return taken
    })
    for (const id of soldOut) await product.invalidate(id) // the page should say at once that nothing is left
    return { lines: reserved }
  },

  async keep({ input: { reservation }, db }) {
    const kept = await db.transaction(async (tx) => {
      const row = await lock(tx, reservation)
      if (!row) return false
      if (row.state === 'released') {
        const lines = await linesOf(tx, reservation, 'any state')
        const enough = await take(tx, lines).catch((error: unknown) => {
          if (OutOfStock.is(error) || NoProduct.is(error)) return undefined
          throw error
        })
        if (!enough) return false
      }
      await tx.updateTable('reservations').set({ state: 'kept' }).where('id', '=', reservation).execute()
      return true
    })
    return { kept }
  },

  async release({ input: { reservation }, db }) {
    const back = await db.transaction((tx) => putBack(tx, reservation))
    for (const id of back) await product.invalidate(id)
    return { released: back.length > 0 }
  },
})

export const releaseForgotten = m.cron('release-forgotten', '* * * * *', {
  async run({ db, log }) {
    const { rows } = await db.sql<{ id: string }>`
      select id from reservations where state = 'held' and held_until < now() order by held_until limit 1000`
    for (const { id } of rows) {
      await db.transaction(async (tx) => {
        const row = await lock(tx, id)
        if (row?.state === 'held') await putBack(tx, id) // it may have been kept since the list was read
      })
    }
    if (rows.length > 0) log.info('put forgotten reservations back', { count: rows.length })
  },
})

/** Takes pieces off the shelf, all or none. The rows are locked in the order of their ids, so two buyers of the same
 *  things wait for each other and never in a circle. */
async function take(tx: CatalogTx, lines: readonly Line[]) {
  const shelf = await tx
    .selectFrom('products')
    .select(['id', 'name', 'price', 'stock'])
    .where(
      'id',
      'in',
      lines.map((line) => line.productId),
    )
    .where('active', '=', true)
    .orderBy('id')
    .forUpdate()
    .execute()
  const byId = new Map(shelf.map((row) => [row.id, row]))
  const reserved = lines.map(({ productId, quantity }): z.infer<typeof ReservedLine> => {
    const found = byId.get(productId)
    if (!found) throw NoProduct({ id: productId })
    if (found.stock < quantity) throw OutOfStock({ product: found.name, left: found.stock })
    return { productId, quantity, name: found.name, price: found.price }
  })
  await move(tx, lines, -1)
  const soldOut = lines
    .filter((line) => byId.get(line.productId)?.stock === line.quantity)
    .map((line) => line.productId)
  return { reserved, soldOut }
}

/** Puts the pieces of a reservation back, once; the ids of its products. */
async function putBack(tx: CatalogTx, reservation: string): Promise<string[]> {
  const row = await lock(tx, reservation)
  if (!row || row.state === 'released') return []
  const lines = await linesOf(tx, reservation)
  await tx.updateTable('reservations').set({ state: 'released' }).where('id', '=', reservation).execute()
  await tx
    .selectFrom('products')
    .select('id')
    .where(
      'id',
      'in',
      lines.map((line) => line.productId),
    )
    .orderBy('id')
    .forUpdate()
    .execute()
  await move(tx, lines, 1)
  return lines.map((line) => line.productId)
}

async function move(tx: CatalogTx, lines: readonly Line[], sign: 1 | -1): Promise<void> {
  await tx.sql`
    update products p set stock = p.stock + l.quantity * ${sign}::int
    from unnest(${lines.map((line) => line.productId)}::uuid[], ${lines.map((line) => line.quantity)}::int[]) l (id, quantity)
    where p.id = l.id`
}

function lock(tx: CatalogTx, reservation: string) {
  return tx.selectFrom('reservations').select('state').where('id', '=', reservation).forUpdate().executeTakeFirst()
}

/** The lines of a reservation that still stands (or of any), at today's prices. */
async function linesOf(tx: CatalogTx, reservation: string, which: 'standing' | 'any state' = 'standing') {
  const rows = await tx
    .selectFrom('reservation_lines as l')
    .innerJoin('products as p', 'p.id', 'l.product_id')
    .innerJoin('reservations as r', 'r.id', 'l.reservation_id')
    .select(['l.product_id as productId', 'l.quantity', 'p.name', 'p.price', 'r.state'])
    .where('l.reservation_id', '=', reservation)
    .execute()
  if (which === 'standing' && rows.some((row) => row.state === 'released')) throw ReservationOver({ reservation })
  return rows
}
