/** How long readers wait while a migration wants a strong lock and a long transaction is in its way. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate, type MigrationSource } from '../../packages/tenfold/src/database/index.ts'
import { createDatabase, dropDatabase, startTestServer } from '../../packages/tenfold/src/database/testing/index.ts'
import { randomHex } from '../../packages/tenfold/src/kernel/index.ts'

export interface Stall {
  lockTimeoutMs: number
  /** The longest that one reader waited, and how often any of them read. */
  worstMs: number
  reads: number
  /** How long the migration took, from its start to its commit. */
  tookMs: number
  /** How many of the readers' statements failed. */
  failed: number
}

const FIRST = `--! phase: expand
create table orders (id bigint generated always as identity primary key, state text not null default 'placed');
insert into orders (state) select 'placed' from generate_series(1, 10000);
`
const SECOND = '--! phase: expand\nalter table orders add column paid_at timestamptz;\n'
const READERS = 4

/** Readers read one row each, over and over, while `blockMs` of somebody's transaction stand before the migration. */
export async function measureStall({
  lockTimeoutMs,
  blockMs,
}: {
  lockTimeoutMs: number
  blockMs: number
}): Promise<Stall> {
  const server = await startTestServer()
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-stall-'))
  const name = `stall_${randomHex(6)}`
  try {
    const url = await createDatabase(server, name)
    const source: MigrationSource = { module: 'shop', schema: 'shop', directory: join(folder, 'shop') }
    const target = { url, app: 'stall', secretKey: 'a key for this proof', sources: [source] }
    await mkdir(join(folder, 'shop'))
    await writeFile(join(folder, 'shop/0001_orders.sql'), FIRST)
    await migrate(target)
    await writeFile(join(folder, 'shop/0002_paid_at.sql'), SECOND)
    return await underLoad(url, blockMs, () => migrate({ ...target, lockTimeoutMs }), lockTimeoutMs)
  } finally {
    await dropDatabase(server, name)
    await server.stop()
    await rm(folder, { recursive: true })
  }
}

async function underLoad(
  url: string,
  blockMs: number,
  work: () => Promise<unknown>,
  lockTimeoutMs: number,
): Promise<Stall> {
  const clients = await Promise.all(Array.from({ length: READERS + 1 }, () => connect(url)))
  const blocker = clients.pop()!
  const stall: Stall = { lockTimeoutMs, worstMs: 0, reads: 0, tookMs: 0, failed: 0 }
  let on = true
  const reading = clients.map((client) => read(client, () => on, stall))
  try {
    await blocker.query('begin')
    await blocker.query('select count(*) from shop.orders')
    const released = new Promise((resolve) => setTimeout(resolve, blockMs)).then(() => blocker.query('commit'))
    const started = performance.now()
    await work()
    stall.tookMs = performance.now() - started
    await released
  } finally {
    on = false
    await Promise.all(reading)
    await Promise.all([blocker, ...clients].map((client) => client.end()))
  }
  return stall
}

async function read(client: pg.Client, isOn: () => boolean, stall: Stall): Promise<void> {
  while (isOn()) {
    const started = performance.now()
    const id = 1 + Math.floor(Math.random() * 10_000)
    await client.query('select * from shop.orders where id = $1', [id]).catch(() => stall.failed++)
    stall.worstMs = Math.max(stall.worstMs, performance.now() - started)
    stall.reads++
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}
