/** The only file that names the driver. */
import { importPeer, messageOf } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { RedisAway, RedisCommandFailed } from './errors.ts'
import type { Durability, Redis, RedisClient, RedisValue } from './redis.ts'
import type { Script } from './script.ts'

export interface RedisOptions {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  url: string
  telemetry: Telemetry
  /** Within which every command ends. In ms. Defaults to 2000. */
  timeoutMs?: number
}

interface Driver {
  Redis: new (url: string, options: object) => RedisClient
}

const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 1000

/** Connects. Where Redis is away it resolves all the same, after `timeoutMs` at most: `ready` then says so.
 *  Throws TF_PEER_MISSING if `ioredis` is not installed.
 *  @example
 *  const redis = await openRedis({ url: 'redis://127.0.0.1:6379', telemetry })
 *  await redis.command('set', 'greeting', 'hello')
 *  await redis.close() */
export async function openRedis({ url, telemetry, timeoutMs = 2000 }: RedisOptions): Promise<Redis> {
  const driver = await importPeer(
    'ioredis',
    'REDIS_URL',
    () => import('ioredis') as Promise<unknown> as Promise<Driver>,
  )
  const where = whereOf(url)
  const failed = telemetry.metrics.counter('tenfold.redis.failures', {
    help: 'Commands that Redis did not answer.',
    unit: '{command}',
  })
  const common = {
    connectionName: telemetry.instanceId,
    connectTimeout: timeoutMs,
    retryStrategy: (times: number) => Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(times, 10)),
    // A replica that was promoted elsewhere refuses writes: find the new primary.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  }
  const client = new driver.Redis(url, {
    ...common,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: timeoutMs,
  })
  let lastError = 'no connection'
  let told = false
  client.on('error', (error) => {
    lastError = messageOf(error) || (error as { code?: string }).code || lastError
    if (!told) telemetry.log.warn('Redis is away.', { redis: where, reason: lastError })
    told = true
  })
  client.on('ready', () => {
    if (told) telemetry.log.info('Redis is back.', { redis: where })
    told = false
  })
  await firstAnswer(client, timeoutMs)

  const ready = (): boolean => client.status === 'ready'
  const send = async <Answer>(what: string, run: () => Promise<Answer>): Promise<Answer> => {
    if (!ready()) {
      failed.add(1)
      throw RedisAway({ where, reason: lastError })
    }
    try {
      return await run()
    } catch (error) {
      if (isReply(error)) throw RedisCommandFailed({ command: what, reason: messageOf(error) }, { cause: error })
      failed.add(1)
      throw RedisAway({ where, reason: messageOf(error) }, { cause: error })
    }
  }

  const command = <Answer>(name: string, ...values: RedisValue[]): Promise<Answer> =>
    send(name, () => client.call(name, ...values) as Promise<Answer>)

  const run = <Answer>(
    { lua, sha }: Script,
    keys: readonly string[],
    values: readonly RedisValue[],
    { bytes = false }: { bytes?: boolean } = {},
  ): Promise<Answer> =>
    send('a script', async () => {
      const call = (command: string, what: string): Promise<unknown> =>
        client[bytes ? 'callBuffer' : 'call'](command, what, keys.length, ...keys, ...values)
      try {
        return (await call('evalsha', sha)) as Answer
      } catch (error) {
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error
        return (await call('eval', lua)) as Answer
      }
    })

  return {
    where,
    client,
    ready,
    command,
    bytes: (name, ...values) => send(name, () => client.callBuffer(name, ...values) as Promise<never>),
    run,
    batch: (commands) =>
      commands.length === 0
        ? Promise.resolve([])
        : send('a batch', async () => {
            const answers = (await client.pipeline(commands.map((one) => ['call', ...one])).exec()) ?? []
            return answers.map(([error, answer]) => {
              if (error) throw error
              return answer
            })
          }),
    ping: async () => void (await command('ping')),
    durability: () => durabilityOf(command),
    patient() {
      const made = new Set<RedisClient>()
      const kept = (one: RedisClient): RedisClient => {
        made.add(one)
        // What went wrong is told by the shared client; without a listener the driver would print it.
        one.on('error', () => {})
        const duplicate = one.duplicate.bind(one)
        return Object.assign(one, { duplicate: (options?: object) => kept(duplicate(options)) })
      }
      return {
        client: kept(new driver.Redis(url, { ...common, maxRetriesPerRequest: null })),
        disconnect: () => made.forEach((one) => one.disconnect()),
      }
    },
    async close() {
      if (ready()) await client.quit().catch(() => {})
      client.disconnect()
    },
  }
}

/** Errors that are the server's answers; all others mean that there was none. */
function isReply(error: unknown): boolean {
  return (error as Error).name === 'ReplyError'
}

function firstAnswer(client: RedisClient, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      client.off('ready', done)
      client.off('error', done)
      resolve()
    }
    const timer = setTimeout(done, timeoutMs)
    client.once('ready', done)
    client.once('error', done)
  })
}

async function durabilityOf(command: Redis['command']): Promise<Durability> {
  try {
    const answer = [
      ...(await command<string[]>('config', 'get', 'appendonly')),
      ...(await command<string[]>('config', 'get', 'appendfsync')),
    ]
    const settings = new Map(answer.flatMap((key, i) => (i % 2 ? [] : [[key, answer[i + 1]] as const])))
    if (settings.get('appendonly') !== 'yes') return settings.has('appendonly') ? 'never' : 'unknown'
    const fsync = settings.get('appendfsync')
    return fsync === 'always' || fsync === 'everysec' ? fsync : 'never'
  } catch (error) {
    if (RedisCommandFailed.is(error)) return 'unknown' // hosted servers often refuse CONFIG
    throw error
  }
}

function whereOf(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  return `${hostname}:${port || 6379}/${pathname.slice(1) || 0}`
}
