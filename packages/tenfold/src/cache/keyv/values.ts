import { createDeadline, messageOf, NEARBY } from '../../kernel/index.ts'
import type { Tier } from '../shared/tier.ts'

/** What we use of a Keyv, or of anything like it. */
export interface KeyvValues {
  get(key: string): Promise<unknown>
  /** @param ttl in ms */
  set(key: string, value: string, ttl: number): Promise<unknown>
}

/** The values of a tier elsewhere: in whatever there is a Keyv for. The tier goes on deciding who loads, what is fresh and what was
 *  dropped; it keeps the name of a value in place of the value, and each load has a name of its own. So it does not matter that
 *  such a store can neither lock nor compare: what is found under a name is what was loaded then, or nothing, and what was dropped
 *  is never asked for again. It goes when its time is over. */
export function keepValuesIn(values: KeyvValues, tier: Tier): Tier {
  // Of a store that stands still nobody waits for longer than for Redis.
  const deadline = createDeadline(NEARBY, (ms) => new Error(`no answer of the Keyv store within ${Math.round(ms)} ms`))
  const find = async (name: string): Promise<Buffer | undefined> => {
    try {
      const text = await deadline.within(values.get(name))
      return typeof text === 'string' ? Buffer.from(text, 'base64') : undefined
    } catch {
      return undefined
    }
  }
  const set = async (name: string, text: string, ttl: number): Promise<void> => {
    try {
      await deadline.within(values.set(name, text, ttl))
    } catch (error) {
      // Whatever it is, it is no fault of the value.
      throw new Error(messageOf(error), { cause: error })
    }
  }
  const kept: Tier = {
    ...tier,
    async take(ask) {
      const taken = await tier.take(ask)
      if (taken.kind !== 'value') return taken
      const body = await find(taken.body.toString())
      if (body) return { ...taken, body }
      // It is gone from the store: to be loaded anew, by one of all.
      return kept.take({ ...ask, afterStamp: taken.stamp })
    },
    async put(value) {
      const name = `tenfold:${value.cache}:${value.token}`
      await set(name, value.body.toString('base64'), Math.ceil(value.keepMs))
      return tier.put({ ...value, body: Buffer.from(name) })
    },
    async close() {
      deadline.close()
      await tier.close()
    },
  }
  return kept
}
