import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Connections } from './connections.ts'
import { exchange } from './exchange.ts'
import { createShapes } from './shapes.ts'
import { testDatabase, type TestDatabase } from './testing/index.ts'

/** Roles here are labels: all of them log in as the administrator, which is the same work. */
describe('connections under one budget', () => {
  let db: TestDatabase
  const opened: Connections[] = []
  const shape = createShapes()('select 1')

  before(async () => void (db = await testDatabase()))
  after(async () => {
    await Promise.all(opened.map((connections) => connections.close()))
    await db.close()
  })

  function connectionsOf(max: number, acquireTimeoutMs = 5000): { connections: Connections; logins: () => number } {
    let logins = 0
    const onOpen = async (): Promise<void> => void logins++
    const connections = new Connections({
      url: db.url,
      credentials: () => undefined,
      applicationName: 'test',
      max,
      acquireTimeoutMs,
      onOpen,
    })
    opened.push(connections)
    return { connections, logins: () => logins }
  }

  async function work(connections: Connections, role: string, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const connection = await connections.acquire(role)
      await exchange(connection.wire, connection.types, shape, [])
      connections.release(connection)
    }
  }

  test('many roles share a small budget without logging in again for each statement', async () => {
    const { connections, logins } = connectionsOf(8)
    const lanes = ['a', 'b', 'c', 'd'].flatMap((role) => Array.from({ length: 6 }, () => work(connections, role, 100)))
    await Promise.all(lanes)
    assert.ok(connections.counts().open <= 8)
    assert.ok(logins() < 60, `${logins()} logins for 2400 statements`)
  })

  test('a role that comes late gets its share from one that has everything', async () => {
    const { connections } = connectionsOf(4)
    const busy = Array.from({ length: 12 }, () => work(connections, 'greedy', 150))
    await work(connections, 'greedy', 5)
    const started = performance.now()
    await work(connections, 'late', 20)
    assert.ok(performance.now() - started < 2000)
    await Promise.all(busy)
  })

  test('an idle connection of another role gives way', async () => {
    const { connections } = connectionsOf(2)
    await Promise.all([work(connections, 'a', 5), work(connections, 'b', 5)])
    await work(connections, 'c', 1)
    assert.equal(connections.counts().open, 2)
  })

  test('who waits too long is told which role, how long and how many', async () => {
    const { connections } = connectionsOf(1, 1000)
    const held = await connections.acquire('a')
    await assert.rejects(connections.acquire('b'), {
      code: 'TF_POOL_EXHAUSTED',
      message: /'b' within 1000 ms \(all 1 are/,
    })
    connections.release(held)
    await work(connections, 'b', 1)
  })
})
