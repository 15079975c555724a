/** Fills the shop: `node seed.ts`. 10,000 products, 10,000 customers, 100,000 orders; the same each time, and nothing twice.
 *
 *  Customer n is `customer-n@mail.example`, the administrator `admin@shop.example`; the password of all is SEED_PASSWORD, or
 *  `demo-password`. Each module's rows are written by that module, since no other may. */
import { sql, type Instance } from 'tenfold'
import app from './app.ts'
import config from './tenfold.config.ts'
import { hashPassword } from './modules/auth/passwords.ts'
import type { AuthTables } from './modules/auth/tables.gen.ts'
import type { CatalogTables } from './modules/catalog/tables.gen.ts'
import type { OrdersTables } from './modules/orders/tables.gen.ts'

const [PRODUCTS, CUSTOMERS, ORDERS] = [10_000, 10_000, 100_000]

const ADJECTIVES =
  'Blue Red Green Plain Heavy Light Round Square Quiet Bright Soft Sturdy Tall Small Warm Cool Old New Fine Bold'
const MATERIALS = 'Oak Steel Cotton Glass Clay Linen Brass Wool Cork Marble'
const NOUNS =
  'Mug Bowl Plate Lamp Chair Table Shelf Clock Vase Basket Blanket Pillow Towel Kettle Pan Pot Knife Board Jar Bottle ' +
  'Tray Stool Bench Mirror Frame Candle Rug Curtain Hook Box Crate Bag Purse Wallet Belt Scarf Hat Glove Umbrella Notebook ' +
  'Pen Folder Stand Speaker Cable Charger Radio Camera Bell Kite'
const CATEGORIES = 'Kitchen Living Bath Office Outdoor Travel Light Textile Storage Gifts'

/** The id of the n-th thing of its kind: always the same, and of the form that a UUID has. */
const idOf = (kind: 'user' | 'product', n: string) =>
  sql`overlay(overlay(md5(${kind} || ' ' || ${sql.raw(n)}) placing '4' from 13) placing '8' from 17)::uuid`

const shop = await app.start({ roles: [], config, root: new URL('./', import.meta.url) })
try {
  await step('the administrator', addAdmin)
  await step('customers', addCustomers)
  await step('products', addProducts)
  await step('orders', addOrders)
  await step('days of sales', addSales)
} finally {
  await shop.stop()
}

async function step(what: string, add: (shop: Instance) => Promise<number>): Promise<void> {
  const started = performance.now()
  const added = await add(shop)
  console.log(`${String(added).padStart(7)} ${what} added in ${((performance.now() - started) / 1000).toFixed(1)} s`)
}

async function addAdmin({ db }: Instance): Promise<number> {
  const hash = await hashPassword(process.env.SEED_PASSWORD ?? 'demo-password')
  const { rowCount } = await db<AuthTables>('auth').sql`
    insert into users (email, name, role, password_hash) values ('admin@shop.example', 'Ada Admin', 'admin', ${hash})
    on conflict do nothing`
  return rowCount
}

/** All of them share one hash: ten thousand real ones would take minutes, which is the point of argon2. */
async function addCustomers({ db }: Instance): Promise<number> {
  const hash = await hashPassword(process.env.SEED_PASSWORD ?? 'demo-password')
  const { rowCount } = await db<AuthTables>('auth').sql`
    insert into users (id, email, name, password_hash, created_at)
    select ${idOf('user', 'n')}, 'customer-' || n || '@mail.example', 'Customer ' || n, ${hash},
           timestamptz '2025-01-01' + n * interval '30 minutes'
    from generate_series(1, ${CUSTOMERS}::int) n
    on conflict do nothing`
  return rowCount
}

async function addProducts({ db }: Instance): Promise<number> {
  const { rowCount } = await db<CatalogTables>('catalog').sql`
    insert into products (id, sku, name, description, category, price, stock)
    select ${idOf('product', 'n')}, 'SEED-' || n, adjective || ' ' || material || ' ' || noun,
           'A ' || lower(adjective) || ' ' || lower(noun) || ' of ' || lower(material) || ', made to be used every day.',
           (string_to_array(${CATEGORIES}, ' '))[1 + n % 10], 299 + n * 7919 % 19700, 1000
    from generate_series(0, ${PRODUCTS - 1}::int) n,
      lateral (select (string_to_array(${ADJECTIVES}, ' '))[1 + n % 20] as adjective,
                      (string_to_array(${MATERIALS}, ' '))[1 + n / 20 % 10] as material,
                      (string_to_array(${NOUNS}, ' '))[1 + n / 200 % 50] as noun) as words
    on conflict do nothing`
  return rowCount
}

/** One order every five minutes of a year, with one to three lines. In pieces, so that no transaction is long. */
async function addOrders({ db }: Instance): Promise<number> {
  const orders = db<OrdersTables>('orders')
  let added = 0
  for (let from = 0; from < ORDERS; from += 10_000) {
    added += await orders.transaction(async (tx) => {
      const { rows } = await tx.sql<{ id: string }>`
        insert into orders (id, user_id, idempotency_key, fingerprint, state, failure, total, card, address, placed_at, paid_at)
        select (lpad(to_hex((extract(epoch from placed_at) * 1000)::bigint), 12, '0') || '7' || left(md5('order ' || n), 3)
                || '8' || right(md5('order ' || n), 15))::uuid,
               ${idOf('user', 'customer')}, 'seed-order-' || n, '', state,
               case when state = 'payment_failed' then 'declined' end, total, 'tok_visa',
               jsonb_build_object('name', 'Customer ' || customer, 'street', 'High Street ' || 1 + n % 200, 'postcode', '10115',
                                  'city', 'Berlin', 'country', (array['DE', 'FR', 'AT', 'NL'])[1 + n % 4]),
               placed_at, case when state = 'paid' then placed_at + interval '2 seconds' end
        from generate_series(${from}::int, ${from + 9999}::int) n,
          lateral (select 1 + n * 104729::bigint % ${CUSTOMERS}::int as customer,
                          timestamptz '2025-06-01' + n * interval '5 minutes' as placed_at,
                          case when n % 33 = 0 then 'payment_failed' when n % 41 = 0 then 'refunded' else 'paid' end as state) as facts,
          lateral (select sum((299 + p * 7919 % 19700) * (1 + l % 2)) as total
                   from generate_series(1, 1 + n % 3) l, lateral (select (n * 31 + l * 977) % ${PRODUCTS}::int as p) as pick) as sums
        on conflict do nothing
        returning id`
      await tx.sql`
        insert into order_lines (order_id, product_id, name, price, quantity)
        select o.id, ${idOf('product', 'p')},
               (string_to_array(${ADJECTIVES}, ' '))[1 + p % 20] || ' ' || (string_to_array(${MATERIALS}, ' '))[1 + p / 20 % 10]
                 || ' ' || (string_to_array(${NOUNS}, ' '))[1 + p / 200 % 50],
               299 + p * 7919 % 19700, 1 + l % 2
        from orders o, lateral (select substr(o.idempotency_key, 12)::int as n) as number,
          generate_series(1, 1 + n % 3) l, lateral (select (n * 31 + l * 977) % ${PRODUCTS}::int as p) as pick
        where o.id = any(${rows.map((row) => row.id)}::uuid[])
        on conflict do nothing`
      return rows.length
    })
  }
  await orders.sql`analyze orders, order_lines`.catch(() => {}) // autovacuum does it a minute later, too
  return added
}

async function addSales({ db }: Instance): Promise<number> {
  const { rowCount } = await db<OrdersTables>('orders').sql`
    insert into sales_by_day (day, orders, revenue)
    select (paid_at at time zone 'UTC')::date, count(*), sum(total) from orders
    where state in ('paid', 'refunding') and idempotency_key like 'seed-order-%' group by 1
    on conflict do nothing`
  return rowCount
}
