import { openRedis, type Redis } from '../redis/index.ts'
import type { Ground } from './ground.ts'

export interface OpenedRedis {
  shared: { redis: Redis; prefix: string }
  close(): Promise<void>
}

/** A connection of the part's own; its keys begin with the name of the app. */
export async function withRedis(
  url: string | undefined,
  { name, telemetry }: Pick<Ground, 'name' | 'telemetry'>,
): Promise<OpenedRedis | undefined> {
  if (url === undefined) return undefined
  const redis = await openRedis({ url, telemetry })
  return { shared: { redis, prefix: name }, close: () => redis.close() }
}
