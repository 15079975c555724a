import type { Arrivals, Transport } from '../bus.ts'

/** For an app in one process. */
export function memoryTransport({ arrive }: Arrivals): Transport {
  return {
    // Later, as from a network: whoever publishes is not called back by what it does.
    send: async (packed) => void setImmediate(arrive, packed),
    listening: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}
