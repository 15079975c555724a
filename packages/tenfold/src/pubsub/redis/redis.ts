/** PUBLISH and SUBSCRIBE, on one channel of Redis for all of ours. */
import { messageOf } from '../../kernel/index.ts'
import type { Redis } from '../../redis/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { Arrivals, Transport } from '../bus.ts'

/** What a driver's client can do besides commands, once it has subscribed. */
interface SubscribingClient {
  subscribe(channel: string): Promise<unknown>
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  on(event: 'ready' | 'close', listener: () => void): unknown
}

export function redisTransport(
  { arrive, gap }: Arrivals,
  { redis, prefix }: { redis: Redis; prefix: string },
  telemetry: Pick<Telemetry, 'log'>,
): Transport {
  const channel = `${prefix}:pubsub`
  let listening: Promise<void> | undefined
  let disconnect: (() => void) | undefined

  async function listen(): Promise<void> {
    // A connection of its own: one that has subscribed takes no other commands. It subscribes again after a loss.
    const own = redis.patient()
    disconnect = () => own.disconnect()
    const client = own.client as unknown as SubscribingClient
    client.on('message', (_channel, packed) => arrive(packed))
    await client.subscribe(channel)
    let lost = false
    client.on('close', () => (lost = true))
    client.on('ready', () => {
      if (!lost) return
      lost = false
      void client
        .subscribe(channel)
        .then(gap, (error: unknown) => telemetry.log.warn('Cannot listen to Redis.', { reason: messageOf(error) }))
    })
  }

  return {
    send: async (packed) => void (await redis.command('publish', channel, packed)),
    listening: () => (listening ??= listen()),
    close: async () => disconnect?.(),
  }
}
