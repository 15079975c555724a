/** The subscribers of this instance, and what came lately. */
import type { Message, Subscriber, SubscribeOptions, Subscription } from './pubsub.ts'

/** Of all channels together: enough for clients that were away for a moment. */
const KEPT_MESSAGES = 1000
const KEPT_BYTES = 4 * 1024 * 1024

interface Kept extends Message {
  channel: string
  bytes: number
}

export interface Hub {
  subscribe(channel: string, subscriber: Subscriber, options?: SubscribeOptions): Subscription
  deliver(channel: string, message: Message, bytes: number): void
  gap(): void
}

export function createHub(onError: (error: unknown) => void): Hub {
  const channels = new Map<string, Set<Subscriber>>()
  let kept: Kept[] = []
  let keptBytes = 0

  const tell = (act: () => void): void => {
    try {
      act()
    } catch (error) {
      onError(error)
    }
  }

  function keep(one: Kept): void {
    kept.push(one)
    keptBytes += one.bytes
    while (kept.length > KEPT_MESSAGES || keptBytes > KEPT_BYTES) keptBytes -= kept.shift()!.bytes
  }

  function replay(channel: string, subscriber: Subscriber, after: string): void {
    const known = kept.findIndex(({ id }) => id === after)
    if (known === -1) return tell(() => subscriber.onGap())
    for (const one of kept.slice(known + 1)) if (one.channel === channel) tell(() => subscriber.onMessage(one))
  }

  return {
    subscribe(channel, subscriber, { after } = {}) {
      const subscribers = channels.get(channel) ?? new Set()
      channels.set(channel, subscribers.add(subscriber))
      if (after !== undefined) replay(channel, subscriber, after)
      return {
        close() {
          subscribers.delete(subscriber)
          if (subscribers.size === 0 && channels.get(channel) === subscribers) channels.delete(channel)
        },
      }
    },
    deliver(channel, { id, data }, bytes) {
      keep({ channel, id, data, bytes })
      for (const subscriber of [...(channels.get(channel) ?? [])]) tell(() => subscriber.onMessage({ id, data }))
    },
    gap() {
      // Whoever knows an older message cannot be told what came since.
      kept = []
      keptBytes = 0
      for (const subscribers of channels.values())
        for (const subscriber of [...subscribers]) tell(() => subscriber.onGap())
    },
  }
}
