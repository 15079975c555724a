/** A backfill over a table in use, whose connection is killed again and again: each row is changed once. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate } from '../../packages/tenfold/src/database/index.ts'
import { createDatabase, dropDatabase, startTestServer } from '../../packages/tenfold/src/database/testing/index.ts'
import { messageOf, randomHex } from '../../packages/tenfold/src/kernel/index.ts'

export interface Backfilled {
  rows: number
  /** Rows that were changed exactly once. */
  once: number
  kills: number
  batches: number
  /** The longest that a writer of one row waited. */
  worstMs: number
  ms: number
}

const MIGRATIONS = (rows: number): Record<string, string> => ({
  '0001_orders.sql': `--! phase: expand
create table orders (region text, id integer, changes integer not null default 0, touched integer not null default 0, primary key (region, id));
insert into orders (region, id) select (array['de', 'fr', 'it''s'])[1 + n % 3], n from generate_series(1, ${rows}) n;
`,
  '0002_changes.sql': `--! phase: backfill
--! table: orders
--! batch: 200
update orders set changes = changes + 1 where :batch;
`,
})

export async function killBackfills({ rows, kills }: { rows: number; kills: number }): Promise<Backfilled> {
  const server = await startTestServer()
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-backfill-'))
  const name = `backfill_${randomHex(6)}`
  const url = await createDatabase(server, name)
  const admin = new pg.Client({ connectionString: url })
  admin.on('error', () => {})
  await admin.connect()
  const result: Backfilled = { rows, once: 0, kills: 0, batches: 0, worstMs: 0, ms: 0 }
  try {
    await mkdir(join(folder, 'shop'))
    const files = MIGRATIONS(rows)
    const target = {
      url,
      app: 'backfill',
      secretKey: 'a key for this proof',
      sources: [{ module: 'shop', schema: 'shop', directory: join(folder, 'shop') }],
    }
    await writeFile(join(folder, 'shop/0001_orders.sql'), files['0001_orders.sql']!)
    await migrate(target)
    await writeFile(join(folder, 'shop/0002_changes.sql'), files['0002_changes.sql']!)
    let on = true
    const writing = write(url, rows, () => on, result)
    const started = performance.now()
    for (;;) {
      let batches = 0
      const done = await migrate({
        ...target,
        onBatch: () => {
          result.batches++
          if (++batches === 3 && result.kills < kills) {
            result.kills++
            // Not awaited: it comes in the middle of some later step, whichever that is.
            void admin.query(
              `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'backfill/migrate' and datname = current_database()`,
            )
          }
        },
      }).then(
        () => true,
        (error: unknown) => {
          if (result.kills === 0) throw new Error(messageOf(error), { cause: error })
          return false
        },
      )
      if (done) break
    }
    result.ms = performance.now() - started
    on = false
    await writing
    const { rows: counted } = await admin.query<{ once: number }>(
      'select count(*)::int as once from shop.orders where changes = 1',
    )
    result.once = counted[0]!.once
    return result
  } finally {
    await admin.end()
    await dropDatabase(server, name)
    await server.stop()
    await rm(folder, { recursive: true })
  }
}

/** Somebody who changes single rows meanwhile. */
async function write(url: string, rows: number, isOn: () => boolean, result: Backfilled): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  while (isOn()) {
    const started = performance.now()
    const id = 1 + Math.floor(Math.random() * rows)
    await client.query('update shop.orders set touched = touched + 1 where id = $1 and region = any($2)', [
      id,
      ['de', 'fr', "it's"],
    ])
    result.worstMs = Math.max(result.worstMs, performance.now() - started)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await client.end()
}
