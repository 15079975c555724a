import assert from 'node:assert/strict'
import { testDatabase } from '../../database/testing/index.ts'
import { systemClock } from '../../kernel/index.ts'
import { openRedis } from '../../redis/index.ts'
import { startTestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { test } from 'node:test'
import { migrations, openSessions } from '../index.ts'
import { describeSessionsContract } from '../testing/contract.ts'

const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
const COPY_MS = 2500

async function open({ appendfsync }: { appendfsync: 'no' | 'always' } = { appendfsync: 'no' }) {
  const database = await testDatabase({ migrations: [migrations] })
  const server = await startTestRedis({ appendfsync })
  const redis = await openRedis({ url: server.url, telemetry })
  const options = { db: database.system, telemetry, redis: { redis, prefix: 'test' }, copyFor: COPY_MS }
  return {
    database,
    server,
    redis,
    options,
    async close() {
      await redis.close()
      await server.stop()
      await database.close()
    },
  }
}

describeSessionsContract('postgres, with copies in redis', async () => {
  const { database, redis, options, close } = await open()
  return {
    open: ({ clock, cacheFor = 0, pruneEvery = 1e9 }) =>
      openSessions({ ...options, clock, cacheFor, pruneEvery, idle: '1h', absolute: '1d', maxDataBytes: 1000 }),
    async dump() {
      const { rows } = await database.system.query('select to_json(s)::text as row from tenfold.session s')
      const keys = await redis.command<string[]>('keys', '*')
      const copies = keys.length > 0 ? await redis.command<(string | null)[]>('mget', ...keys) : []
      return JSON.stringify([rows, keys, copies]).replaceAll('\\\\"', '"').replaceAll('\\"', '"')
    },
    close,
  }
})

test('N8 most reads need no database; what is revoked while redis is away stays revoked when it is back', async () => {
  const { database, server, redis, options, close } = await open({ appendfsync: 'always' })
  const queries = { count: 0 }
  const db = {
    ...database.system,
    query: (text: string, values?: readonly unknown[]) => {
      if (text.startsWith('select hash')) queries.count++
      return database.system.query(text, values)
    },
  } as typeof database.system
  const [a, b] = [
    openSessions({ ...options, db, clock: systemClock }),
    openSessions({ ...options, db, clock: systemClock }),
  ]
  const [kept, revoked] = [await a.create({ userId: 'ann' }), await a.create({ userId: 'bob' })]
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + 15_000
    while (!(await holds())) {
      assert.ok(Date.now() < deadline, 'it did not come true within 15 s')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const fromCopy = (id: string, sessions = b): Promise<boolean> => {
    const before = queries.count
    return sessions.read(id).then((session) => session !== undefined && queries.count === before)
  }
  try {
    await until(() => fromCopy(kept.id))
    await until(() => fromCopy(revoked.id))
    process.kill(server.pid, 'SIGSTOP')
    try {
      for (let i = 0; i < 5; i++) assert.equal((await b.read(kept.id))?.userId, 'ann')
      assert.equal(await a.revokeAll('bob'), 1)
      assert.equal(await a.read(revoked.id), undefined)
      await until(async () => (await b.read(revoked.id)) === undefined)
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    const back = Date.now()
    while (Date.now() - back < COPY_MS) {
      assert.equal(await b.read(revoked.id), undefined)
      assert.equal(await a.read(revoked.id), undefined)
    }
    // A copy that was made just now.
    await until(async () => !(await fromCopy(kept.id)))
    await until(() => fromCopy(kept.id))
    await server.kill()
    assert.equal((await b.read(kept.id))?.userId, 'ann')
    assert.equal(await a.revoke(kept.id), true)
    await server.start()
    // It has come back with the copy that it had.
    const restarted = Date.now()
    while (Date.now() - restarted < COPY_MS) {
      assert.equal(await a.read(kept.id), undefined)
      if (redis.ready()) assert.equal(await b.read(kept.id), undefined)
    }
  } finally {
    await Promise.all([a.close(), b.close()])
    await close()
  }
})
