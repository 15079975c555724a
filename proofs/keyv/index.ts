/** The suite that stores of Keyv have to pass, run on a tenfold cache: in memory, and in Redis with next to no memory. And the other
 *  way round: a Keyv that we know nothing of keeps what instances share. */
import assert from 'node:assert/strict'
import {
  migrations,
  openCaches,
  type Cache,
  type Caches,
  type KeyvValues,
} from '../../packages/tenfold/src/cache/index.ts'
import { keyvStore } from '../../packages/tenfold/src/cache/keyv/store.ts'
import type { SystemDatabase } from '../../packages/tenfold/src/database/index.ts'
import { testDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { systemClock } from '../../packages/tenfold/src/kernel/index.ts'
import { openRedis } from '../../packages/tenfold/src/redis/index.ts'
import { startTestRedis } from '../../packages/tenfold/src/redis/testing/index.ts'
import { createTelemetry, type Telemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import type { Claim, Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'

/** Peers are installed apart, at the first run: the type checker does not know them. */
type Untyped = ReturnType<JSON['parse']>

const PEERS = { '@keyv/test-suite': '2.1.2', keyv: '5.6.0', '@keyv/redis': '5.1.6' }
const INSTANCES = 4
const CALLERS = 500

export default {
  name: 'keyv',
  about: 'a tenfold cache is a store for Keyv, whose own suite passes; and any Keyv keeps what instances share',
  options: {},
  run,
} satisfies Claims

async function run({ log, installPeers }: ClaimsOptions): Promise<Report> {
  const peers = await installPeers(PEERS)
  const { default: suite } = await peers.load<Untyped>('@keyv/test-suite')
  const { Keyv } = await peers.load<Untyped>('keyv')
  const telemetry = createTelemetry({ service: 'proof', env: 'production', level: 'silent' })
  const [database, server] = await Promise.all([
    testDatabase({ migrations: [migrations] }),
    startTestRedis({ appendfsync: 'no' }),
  ])
  const redis = await openRedis({ url: server.url, telemetry })
  const shared = { db: database.system, redis: { redis, prefix: 'proof' }, redisTimeout: 5000, maxEntries: 1 }
  const claims: Claim[] = []
  try {
    for (const [name, options] of [
      ['memory', {}],
      ['Redis', shared],
    ] as const) {
      log(`the suite on ${name}`)
      const caches = await openCaches({ telemetry, clock: systemClock, ...options })
      const cache = caches.define<string, unknown>({ name: 'proof.keyv', ttl: '1h', load: () => undefined })
      const { tests, failed } = await runSuite((test) => suite(test, Keyv, () => keyvStore(cache)))
      await caches.close()
      claims.push({
        claim: `tests of @keyv/test-suite that fail in ${name}`,
        goal: `0 of ${tests}`,
        value: failed.length === 0 ? '0' : failed.join('; '),
        holds: tests > 30 && failed.length === 0,
      })
    }
    log('values in a Keyv')
    const { default: KeyvRedis } = await peers.load<Untyped>('@keyv/redis')
    const keyv = new Keyv(new KeyvRedis(server.url))
    try {
      claims.push(...(await withValuesIn(keyv, database.system, telemetry)))
    } finally {
      await keyv.disconnect()
    }
    return { claims, rows: [] }
  } finally {
    await redis.close()
    await server.stop()
    await database.close()
    await telemetry.close()
  }
}

async function withValuesIn(
  keyv: KeyvValues & { clear(): Promise<void> },
  db: SystemDatabase,
  telemetry: Telemetry,
): Promise<Claim[]> {
  let loads = 0
  const caches: Caches[] = []
  const open = async (): Promise<Cache<string, object>> => {
    const opened = await openCaches({ telemetry, clock: systemClock, db, values: keyv })
    caches.push(opened)
    return opened.define<string, object>({
      name: 'proof.values',
      ttl: '1h',
      async load(key) {
        loads++
        await new Promise((resolve) => setTimeout(resolve, 100))
        return { key, text: 'x'.repeat(1000) }
      },
    })
  }
  const herd = async (): Promise<number> => {
    const before = loads
    const instances = await Promise.all(Array.from({ length: INSTANCES }, open))
    await Promise.all(Array.from({ length: CALLERS * INSTANCES }, (_, i) => instances[i % INSTANCES]!.get('key')))
    return loads - before
  }
  const one = (when: string, goal: number, value: number): Claim => ({
    claim: `values in @keyv/redis: loads for ${CALLERS} callers on each of ${INSTANCES} instances, ${when}`,
    goal,
    value,
    holds: value === goal,
  })
  try {
    const first = one('when nobody has it', 1, await herd())
    const second = one('which have just started, when others have it', 0, await herd())
    await keyv.clear()
    return [first, second, one('which have just started, when the Keyv has lost it', 1, await herd())]
  } finally {
    for (const opened of caches) await opened.close()
  }
}

type Body = (t: { expect: typeof expect }) => unknown

/** What the suite uses of its runner: its tests, each after the hooks that were there when it was told. */
async function runSuite(tell: (test: object) => void): Promise<{ tests: number; failed: string[] }> {
  const tests: { name: string; body: Body; before: Body[] }[] = []
  let before: Body[] = []
  tell({
    // Each part of the suite begins with its own.
    beforeEach: (body: Body) => (before = [body]),
    afterEach: () => {},
    it: (name: string, body: Body) => tests.push({ name, body, before }),
  })
  const failed: string[] = []
  for (const { name, body, before: hooks } of tests) {
    try {
      for (const hook of hooks) await hook({ expect })
      await body({ expect })
    } catch (error) {
      failed.push(`${name} (${(error as Error).message.split('\n')[0]})`)
    }
  }
  return { tests: tests.length, failed }
}

/** What the suite uses of its assertions. */
function expect(actual: unknown) {
  return {
    toBe: (expected: unknown) => assert.equal(actual, expected),
    toEqual: (expected: unknown) => assert.deepEqual(actual, expected),
    toBeTruthy: () => assert.ok(actual),
    toBeFalsy: () => assert.ok(!actual),
    toBeUndefined: () => assert.equal(actual, undefined),
    toBeDefined: () => assert.notEqual(actual, undefined),
    toBeNull: () => assert.equal(actual, null),
  }
}
