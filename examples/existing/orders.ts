/** What this shop had before tenfold: orders in Postgres, through `pg`, in transactions of its own. */
import type pg from 'pg'

export interface Order {
  id: number
  product: string
  receipt: 'pending' | 'sent'
}

export async function createTables(pool: pg.Pool): Promise<void> {
  await pool.query(`
    create table if not exists product (name text primary key, price integer not null, stock integer not null check (stock >= 0));
    create table if not exists orders (id bigint generated always as identity primary key, product text not null references product);
    create table if not exists receipt (order_id bigint primary key references orders, sent_at timestamptz not null default now());
    insert into product values ('mug', 900, 1000), ('poster', 1500, 0) on conflict do nothing`)
}

/** Runs `fn` in a transaction, as apps that use `pg` do it. */
export async function inTransaction<T>(pool: pg.Pool, fn: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await fn(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

export async function insertOrder(client: pg.PoolClient, product: string): Promise<number> {
  const { rows } = await client.query<{ id: string }>('insert into orders (product) values ($1) returning id', [
    product,
  ])
  return Number(rows[0]!.id)
}

/** Fails where nothing is left: the check of the table says so. */
export async function takeFromStock(client: pg.PoolClient, product: string): Promise<void> {
  await client.query('update product set stock = stock - 1 where name = $1', [product])
}

export async function findOrder(pool: pg.Pool, id: number): Promise<Order | undefined> {
  const { rows } = await pool.query<Omit<Order, 'id'>>(
    `select product, case when r.order_id is null then 'pending' else 'sent' end as receipt
       from orders o left join receipt r on r.order_id = o.id where o.id = $1`,
    [id],
  )
  return rows[0] && { id, ...rows[0] }
}

export async function findPrice(pool: pg.Pool, product: string): Promise<number | undefined> {
  const { rows } = await pool.query<{ price: number }>('select price from product where name = $1', [product])
  return rows[0]?.price
}

export async function setPrice(client: pg.PoolClient, product: string, price: number): Promise<void> {
  await client.query('update product set price = $2 where name = $1', [product, price])
}

/** Stands for the mail that goes out: once for each order, however often the job runs. */
export async function sendReceipt(pool: pg.Pool, orderId: number): Promise<void> {
  await pool.query('insert into receipt (order_id) values ($1) on conflict do nothing', [orderId])
}
