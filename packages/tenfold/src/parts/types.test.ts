/** What the type checker accepts and refuses. Nothing of it runs: `tsc` is the test. */
import { test } from 'node:test'
import type { Transaction } from 'kysely'
import type pg from 'pg'
import type postgres from 'postgres'
import { z } from 'zod'
import type { OpenedCache } from './cache.ts'
import { openCache } from './cache.ts'
import type { Database } from './database.ts'
import { openLimits } from './limits.ts'
import { openQueue, type Job, type Queue } from './queue.ts'

test('jobs know their input, and take the transactions of other libraries', () => {
  const check = async (
    queue: Queue,
    tx: { pg: pg.PoolClient; kysely: Transaction<{ note: { id: number } }>; sql: postgres.TransactionSql },
    database: Database,
  ): Promise<void> => {
    const input = z.object({ id: z.string().transform(Number) })
    const job = queue.job('typed', { input, run: async ({ input: { id } }) => id.toFixed() })
    job satisfies Job<{ id: string }>
    await job.enqueue({ id: '7' }, { tx: tx.pg, delay: '5m' })
    await job.enqueueMany([{ id: '7' }], { tx: tx.kysely })
    await job.enqueue({ id: '7' }, { tx: tx.sql })
    await database.transaction((own) => job.enqueue({ id: '7' }, { tx: own }))
    // @ts-expect-error what goes in is what the schema takes, not what it gives
    await job.enqueue({ id: 7 })
    // @ts-expect-error no transaction
    await job.enqueue({ id: '7' }, { tx: 7 })
    const unchecked = queue.job<{ name: string }>('unchecked', { unique: ({ name }) => name })
    await unchecked.enqueue({ name: 'ada' })
    // @ts-expect-error its type is all that it has
    await unchecked.enqueue({ nam: 'ada' })
  }
  void check
})

test('a part stands on an address or on a database, and Redis carries no cache without Postgres', () => {
  const check = async (database: Database, cache: OpenedCache): Promise<void> => {
    await openQueue({ database, migrate: true })
    // @ts-expect-error neither
    await openQueue({ migrate: true })
    // @ts-expect-error both
    await openQueue({ url: 'postgres://…', database })
    await openCache({ url: 'postgres://…', redisUrl: 'redis://…' })
    // @ts-expect-error what changed goes through Postgres
    await openCache({ redisUrl: 'redis://…' })
    await openLimits({ redisUrl: 'redis://…' })
    const lengths = cache.define({ name: 'lengths', ttl: '1m', load: (key: string) => key.length })
    ;(await lengths.get('four')) satisfies number
    // @ts-expect-error keys are what `load` takes
    await lengths.get(4)
  }
  void check
})
