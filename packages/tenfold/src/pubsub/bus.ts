/** What all backends have in common: sizes, transactions, ids, and the way to the subscribers of this instance. */
import { messageOf, randomHex } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { MessageTooLarge } from './errors.ts'
import { createHub, type Hub } from './hub.ts'
import { LARGEST_MESSAGE, type PubSub } from './pubsub.ts'

/** What takes messages from one instance to all, the sender included. */
export interface Transport {
  send(packed: string): Promise<void>
  /** Resolves when everything that is sent from now on arrives; at once when that is so already. */
  listening(): Promise<void>
  close(): Promise<void>
}

export interface Arrivals {
  arrive(packed: string): void
  gap(): void
}

export function openBus(telemetry: Pick<Telemetry, 'log'>, open: (arrivals: Arrivals) => Transport): PubSub {
  const warn = (what: string) => (error: unknown) => telemetry.log.warn(what, { reason: messageOf(error) })
  const hub = createHub(warn('A subscriber failed at a message.'))
  const transport = open({ arrive: (packed) => arrive(hub, packed), gap: () => hub.gap() })
  return {
    async publish(channel, data, { tx } = {}) {
      const packed = pack(channel, data)
      if (tx) tx.afterCommit(() => void transport.send(packed).catch(warn('A message could not be published.')))
      else await transport.send(packed)
    },
    async subscribe(channel, subscriber, options) {
      await transport.listening()
      return hub.subscribe(channel, subscriber, options)
    },
    close: () => transport.close(),
  }
}

function pack(channel: string, data: unknown): string {
  const packed = JSON.stringify([channel, randomHex(12), data ?? null])
  const bytes = Buffer.byteLength(packed)
  if (bytes > LARGEST_MESSAGE) throw MessageTooLarge({ channel, bytes, largest: LARGEST_MESSAGE })
  return packed
}

function arrive(hub: Hub, packed: string): void {
  const [channel, id, data] = JSON.parse(packed) as [string, string, unknown]
  hub.deliver(channel, { id, data }, packed.length)
}
