/** Who is compared, and how each of them does the same work. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type pg from 'pg'
import { openDatabase, type Db, type RoleMode } from '../../packages/tenfold/src/database/index.ts'
import type { Telemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import type { Peers } from '../../scripts/claims/index.ts'

/** Peers are installed apart, at the benchmark's first run: the type checker does not know them. */
type Untyped = ReturnType<JSON['parse']>

export const PEERS = {
  pg: '8.23.1',
  kysely: '0.29.9',
  'drizzle-orm': '0.45.4',
  typeorm: '1.1.1',
  'reflect-metadata': '0.2.2',
  prisma: '7.10.0',
  '@prisma/client': '7.10.0',
  '@prisma/adapter-pg': '7.10.0',
}

export interface Item {
  id: number
  name: string
  price: number
  stock: number
  tags: string
  at: Date
}

/** The same five pieces of work for everyone. */
export interface Peer {
  name: string
  byId(id: number): Promise<unknown>
  byIds(ids: number[]): Promise<unknown[]>
  insert(name: string): Promise<unknown>
  /** Three statements: read, change, write down. */
  buy(id: number): Promise<unknown>
  close(): Promise<void>
}

/** Of each: six pools share the hundred connections that a server allows. */
export const CONNECTIONS = 14
const COLUMNS = 'id, name, price, stock, tags, at'

interface Tables {
  item: Item
  sale: { id?: number; item_id: number; name: string }
}

export async function rawPg(url: string, peers: Peers): Promise<Peer> {
  const { default: driver } = await peers.load<{ default: typeof pg }>('pg')
  const pool = new driver.Pool({ connectionString: url, max: CONNECTIONS })
  return {
    name: 'pg',
    byId: async (id) => (await pool.query(`select ${COLUMNS} from item where id = $1`, [id])).rows[0],
    byIds: async (ids) => (await pool.query(`select ${COLUMNS} from item where id = any($1)`, [ids])).rows,
    insert: async (name) => pool.query('insert into sale (item_id, name) values ($1, $2) returning id', [1, name]),
    async buy(id) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query(`select ${COLUMNS} from item where id = $1`, [id])
        await client.query('update item set stock = stock + 1 where id = $1', [id])
        await client.query('insert into sale (item_id, name) values ($1, $2) returning id', [id, 'sold'])
        await client.query('commit')
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}

/** The builder's calls are the same for Kysely itself and for tenfold, which is built on it. */
type Builder = Pick<Db<Tables>, 'selectFrom' | 'insertInto' | 'updateTable'>

const WANTED = ['id', 'name', 'price', 'stock', 'tags', 'at'] as const

const built = (db: Builder) => ({
  byId: (id: number) => db.selectFrom('item').select(WANTED).where('id', '=', id).executeTakeFirst(),
  byIds: (ids: number[]) => db.selectFrom('item').select(WANTED).where('id', 'in', ids).execute(),
  insert: (name: string) => db.insertInto('sale').values({ item_id: 1, name }).returning('id').executeTakeFirst(),
})

async function buyWith(tx: Builder, id: number): Promise<void> {
  await built(tx).byId(id)
  await tx
    .updateTable('item')
    .set((eb) => ({ stock: eb('stock', '+', 1) }))
    .where('id', '=', id)
    .execute()
  await tx.insertInto('sale').values({ item_id: id, name: 'sold' }).returning('id').executeTakeFirst()
}

export async function kysely(url: string, peers: Peers): Promise<Peer> {
  const { default: driver } = await peers.load<{ default: typeof pg }>('pg')
  const pool = new driver.Pool({ connectionString: url, max: CONNECTIONS })
  const { Kysely, PostgresDialect } = await peers.load<Untyped>('kysely')
  const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
  return {
    name: 'Kysely on pg',
    ...built(db),
    buy: (id) => db.transaction().execute((tx: Builder) => buyWith(tx, id)),
    close: () => db.destroy(),
  }
}

export interface Ours {
  url: string
  app: string
  secretKey: string
  roleMode: RoleMode
}

/** With traces, metrics and N+1 detection, as an app has them. Requests of two statements: `inRequest`. */
export function tenfold(name: string, ours: Ours, telemetry: Telemetry, module = 'shop'): Peer {
  const database = openDatabase({ ...ours, telemetry, maxConnections: CONNECTIONS })
  const db = database.module<Tables>(module)
  return {
    name,
    ...built(db),
    buy: (id) => db.transaction((tx) => buyWith(tx, id)),
    close: () => database.service.stop(),
  }
}

export async function drizzle(url: string, peers: Peers): Promise<Peer> {
  const { default: driver } = await peers.load<{ default: typeof pg }>('pg')
  const { drizzle: open } = await peers.load<Untyped>('drizzle-orm/node-postgres')
  const { eq, inArray, sql } = await peers.load<Untyped>('drizzle-orm')
  const core = await peers.load<Untyped>('drizzle-orm/pg-core')
  const item = core.pgTable('item', {
    id: core.integer('id').primaryKey(),
    name: core.text('name'),
    price: core.integer('price'),
    stock: core.integer('stock'),
    tags: core.text('tags'),
    at: core.timestamp('at', { withTimezone: true }),
  })
  const sale = core.pgTable('sale', {
    id: core.bigserial('id', { mode: 'number' }),
    item_id: core.integer('item_id'),
    name: core.text('name'),
  })
  const pool = new driver.Pool({ connectionString: url, max: CONNECTIONS })
  const db = open(pool)
  const sell = (on: Untyped, id: number, name: string) =>
    on.insert(sale).values({ item_id: id, name }).returning({ id: sale.id })
  return {
    name: 'Drizzle',
    byId: async (id) => (await db.select().from(item).where(eq(item.id, id)))[0],
    byIds: (ids) => db.select().from(item).where(inArray(item.id, ids)),
    insert: (name) => sell(db, 1, name),
    buy: (id) =>
      db.transaction(async (tx: Untyped) => {
        await tx.select().from(item).where(eq(item.id, id))
        await tx
          .update(item)
          .set({ stock: sql`${item.stock} + 1` })
          .where(eq(item.id, id))
        await sell(tx, id, 'sold')
      }),
    close: () => pool.end(),
  }
}

export async function typeorm(url: string, peers: Peers): Promise<Peer> {
  const loaded = await peers.load<Untyped>('typeorm')
  const { DataSource, EntitySchema, In } = loaded.DataSource ? loaded : loaded.default
  const item = new EntitySchema({
    name: 'item',
    columns: {
      id: { type: 'int', primary: true },
      name: { type: 'text' },
      price: { type: 'int' },
      stock: { type: 'int' },
      tags: { type: 'text' },
      at: { type: 'timestamptz' },
    },
  })
  const sale = new EntitySchema({
    name: 'sale',
    columns: {
      id: { type: 'bigint', primary: true, generated: 'increment' },
      item_id: { type: 'int' },
      name: { type: 'text' },
    },
  })
  const source = new DataSource({ type: 'postgres', url, entities: [item, sale], poolSize: CONNECTIONS })
  await source.initialize()
  const items = source.getRepository('item')
  return {
    name: 'TypeORM',
    byId: (id) => items.findOneBy({ id }),
    byIds: (ids) => items.findBy({ id: In(ids) }),
    insert: (name) => source.getRepository('sale').insert({ item_id: 1, name }),
    buy: (id) =>
      source.transaction(async (manager: Untyped) => {
        await manager.findOneBy('item', { id })
        await manager.increment('item', { id }, 'stock', 1)
        await manager.insert('sale', { item_id: id, name: 'sold' })
      }),
    close: () => source.destroy(),
  }
}

const SCHEMA = `generator client {
  provider = "prisma-client-js"
}
datasource db {
  provider = "postgresql"
}
model item {
  id    Int      @id
  name  String
  price Int
  stock Int
  tags  String
  at    DateTime @db.Timestamptz
}
model sale {
  id      BigInt @id @default(autoincrement())
  item_id Int
  name    String
}
`

/** Generating the client wants to download an engine that the client does not use: it is told that it has one. */
export async function prisma(url: string, peers: Peers): Promise<Peer> {
  await writeFile(join(peers.folder, 'schema.prisma'), SCHEMA)
  const program = join(peers.folder, 'node_modules/prisma/build/index.js')
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  }
  await promisify(execFile)(process.execPath, [program, 'generate', '--schema', 'schema.prisma'], {
    cwd: peers.folder,
    env,
  })
  const { PrismaClient } = createRequire(pathToFileURL(join(peers.folder, 'load.js')))('@prisma/client')
  const { PrismaPg } = await peers.load<Untyped>('@prisma/adapter-pg')
  const client = new PrismaClient({
    adapter: new PrismaPg({ connectionString: url, max: CONNECTIONS }, { schema: 'shop' }),
  })
  return {
    name: 'Prisma 7',
    // findUnique would join the calls of one tick into a single statement, which is other work than that of the others.
    byId: (id) => client.item.findFirst({ where: { id } }),
    byIds: (ids) => client.item.findMany({ where: { id: { in: ids } } }),
    insert: (name) => client.sale.create({ data: { item_id: 1, name } }),
    buy: (id) =>
      client.$transaction(async (tx: Untyped) => {
        await tx.item.findUnique({ where: { id } })
        await tx.item.update({ where: { id }, data: { stock: { increment: 1 } } })
        await tx.sale.create({ data: { item_id: id, name: 'sold' } })
      }),
    close: () => client.$disconnect(),
  }
}
