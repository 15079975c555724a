/** What BullMQ calls finished, noted as it happens: it keeps the last thousand of a name. */
import { openRedis } from '../../packages/tenfold/src/redis/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'

export interface Finished {
  job: string
  name: string
  at: number
}

export async function watchFinished(
  url: string,
  names: readonly string[],
): Promise<{ stop(): Promise<readonly Finished[]> }> {
  const redis = await openRedis({ url, telemetry: createTelemetry({ service: 'proof', env: 'test', level: 'silent' }) })
  const found = new Map<string, Finished>()
  const look = async (): Promise<void> => {
    for (const name of names) {
      const [ended] = (await redis.batch([['zrange', `proof:${name}:completed`, 0, -1, 'withscores']])) as [string[]]
      for (let i = 0; i < ended.length; i += 2) {
        const job = ended[i]!.slice(1)
        if (!found.has(job)) found.set(job, { job, name, at: Number(ended[i + 1]) })
      }
    }
  }
  let stopped: Promise<void> | undefined
  const stop = new AbortController()
  const loop = (async () => {
    while (!stop.signal.aborted) {
      await look().catch(() => {}) // it has just been killed
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    await look()
  })()
  return {
    async stop() {
      stop.abort()
      await (stopped ??= loop.finally(() => redis.close()))
      return [...found.values()]
    },
  }
}
