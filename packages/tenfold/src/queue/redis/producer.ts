/** Adds jobs. An id is given before the job is sent, so adding it again (after an answer that got lost, or by a second
 *  relay) adds nothing. */
import { importPeer, messageOf, TenfoldError } from '../../kernel/index.ts'
import { RedisAway, type Redis } from '../../redis/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { NewJob } from '../queue.ts'
import type { Bull, BullQueue } from './bullmq.ts'
import { encodeBull } from './encode.ts'
import { bullNameOf, idOf, keysOf } from './names.ts'

export interface Producer {
  readonly bull: Bull
  /** In order. A job whose unique key is taken gives the id of the one that holds it. Throws {@link RedisAway}. */
  add(jobs: readonly NewJob[], ids: readonly string[], how?: Adding): Promise<string[]>
  has(name: string, id: string): Promise<boolean>
  holderOf(name: string, uniqueKey: string): Promise<string | undefined>
  queue(name: string): BullQueue
  /** Asks BullMQ for something; throws {@link RedisAway} if no answer comes. */
  reach<T>(ask: () => Promise<T>): Promise<T>
  /** All names that ever had a job. */
  names(): Promise<string[]>
  close(): Promise<void>
}

export interface Adding {
  traceparent?: string
  /** Whoever runs it has to release it: see held.ts. */
  held?: true
  /** When it was enqueued, in ms since 1970, where that was before now. */
  since?: number
}

const ANSWER_MS = 5000

export const MAX_DEATHS = 5
/** BullMQ looks for lost workers no more often than this, whoever asks. */
export const STALLED_EVERY_MS = 100

/** Throws TF_PEER_MISSING. */
export function loadBull(): Promise<Bull> {
  return importPeer('bullmq', "queue: 'redis'", () => import('bullmq') as Promise<unknown> as Promise<Bull>)
}

export function createProducer(bull: Bull, redis: Redis, prefix: string, telemetry: Telemetry): Producer {
  const queues = new Map<string, BullQueue>()
  const announced = new Set<string>()
  const keys = keysOf(prefix)

  const queue = (name: string): BullQueue => {
    let one = queues.get(name)
    if (!one) {
      one = new bull.Queue(bullNameOf(name), {
        connection: redis.client,
        prefix,
        streams: { events: { maxLen: 100 } },
        stalledInterval: STALLED_EVERY_MS,
        maxStalledCount: MAX_DEATHS - 1,
      })
      one.on('error', (error) => telemetry.log.debug('BullMQ met an error.', { job: name, reason: error.message }))
      queues.set(name, one)
    }
    return one
  }

  /** BullMQ waits for a connection as long as it takes; whoever asks us does not. */
  const reach = async <T>(ask: () => Promise<T>): Promise<T> => {
    const away = (reason: string, cause?: unknown): Error => RedisAway({ where: redis.where, reason }, { cause })
    if (!redis.ready()) throw away('no connection')
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(away(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS)
    })
    try {
      return await Promise.race([ask(), late])
    } catch (error) {
      if (error instanceof TenfoldError || isRefusal(error)) throw error
      throw away(messageOf(error), error)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    bull,
    reach,
    async add(jobs, ids, how = {}) {
      const groups = new Map<string, number[]>()
      jobs.forEach(({ name }, i) => {
        const group = groups.get(name)
        if (group) group.push(i)
        else groups.set(name, [i])
      })
      const unknown = [...groups.keys()].filter((name) => !announced.has(name))
      if (unknown.length > 0) {
        await redis.command('sadd', keys.names, ...unknown)
        for (const name of unknown) announced.add(name)
      }
      const added: string[] = []
      await reach(() =>
        Promise.all(
          [...groups].map(async ([name, group]) => {
            const encoded = group.map((i) => encodeBull(jobs[i]!, ids[i]!, how))
            const first = encoded[0]!
            const results =
              encoded.length === 1
                ? [await queue(name).add(name, first.data, first.opts)]
                : await queue(name).addBulk(encoded)
            results.forEach((result, n) => (added[group[n]!] = idOf(result.id)))
          }),
        ),
      )
      return added
    },
    has: async (name, id) => (await redis.command<number>('exists', keys.job(name, id))) === 1,
    async holderOf(name, uniqueKey) {
      const holder = await redis.command<string | null>('get', keys.unique(name, uniqueKey))
      return holder === null ? undefined : idOf(holder)
    },
    queue,
    names: async () => (await redis.command<string[]>('smembers', keys.names)).sort(),
    async close() {
      const closed = Promise.all([...queues.values()].map((one) => one.close().catch(() => {})))
      if (redis.ready()) await closed // otherwise it would wait for Redis
    },
  }
}

/** An answer, and not one that says that Redis cannot work just now. */
function isRefusal(error: unknown): boolean {
  const { name, message } = error as Error
  return name === 'ReplyError' && !/^(OOM|READONLY|LOADING|MISCONF|CLUSTERDOWN)/.test(message)
}
