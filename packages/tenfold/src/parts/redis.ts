import { openRedis, type Redis } from '../redis/index.ts'
import type { Ground } from './ground.ts'

export interface OpenedRedis {
  shared: { redis: Redis; prefix: string }
  close(): Promise<void>
}

/** A connection of the part's own; its keys begin with the name of the app. */
export async function withRedis(
  url: string | undefined,
  ground: Pick<Ground, 'name' | 'telemetry' | 'close'>,
): Promise<OpenedRedis | undefined> {
  if (url === undefined) return undefined
  try {
    const redis = await openRedis({ url, telemetry: ground.telemetry })
    return { shared: { redis, prefix: ground.name }, close: () => redis.close() }
  } catch (error) {
    await ground.close() // the driver is missing: nothing will stand on it
    throw error
  }
}
