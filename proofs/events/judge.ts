/** Every event is accounted for, at each of its subscribers. */
import type { Claim } from '../../scripts/claims/index.ts'
import { SUBSCRIBERS } from './app.ts'

export interface Evidence {
  promises: readonly { marker: string; key: string; n: number; poison: boolean }[]
  never: readonly string[]
  /** In the order in which they were committed. */
  got: readonly { subscriber: string; marker: string; key: string; n: number }[]
  /** Markers of the dead letters, by subscriber. */
  dead: readonly { subscriber: string; marker: string }[]
  /** In the outbox or the queue, after all time that there was. */
  unfinished: number
  /** Events a second through the outbox, with all workers; undefined when it was not measured. */
  relayed: number | undefined
}

export function judge({ promises, never, got, dead, unfinished, relayed }: Evidence): Claim[] {
  const has = new Map(SUBSCRIBERS.map((one) => [one as string, new Map<string, number>()]))
  for (const { subscriber, marker } of got) {
    const counts = has.get(subscriber)!
    counts.set(marker, (counts.get(marker) ?? 0) + 1)
  }
  const missing = promises.flatMap(({ marker, poison }) =>
    SUBSCRIBERS.filter((one) => !(poison && one === 'fragile') && !has.get(one)!.has(marker)).map(
      (one) => `${one}: ${marker}`,
    ),
  )
  const outside = never.filter((marker) => SUBSCRIBERS.some((one) => has.get(one)!.has(marker)))
  const notOnce = [...has.get('counted')!].filter(([, n]) => n !== 1)
  const kept = new Set(dead.filter(({ subscriber }) => subscriber === 'fragile').map(({ marker }) => marker))
  const lostPoison = promises.filter(({ poison, marker }) => poison && !kept.has(marker))
  const none = (claim: string, found: readonly unknown[]): Claim => ({
    claim: `${claim}${found.length > 0 ? ` (such as ${JSON.stringify(found[0])})` : ''}`,
    goal: 'none',
    value: String(found.length),
    holds: found.length === 0,
  })
  return [
    none('committed events that a subscriber did not get', missing),
    none('events of rolled-back transactions that somebody got', outside),
    none('events that were counted more than once by the subscriber with `once`', notOnce),
    none('events of one key that the ordered subscriber got out of order', outOfOrder(got)),
    none('events that nobody can handle, and that were not set aside', lostPoison),
    {
      claim: 'events and deliveries left over',
      goal: 'none',
      value: String(unfinished),
      holds: unfinished === 0,
    },
    ...(relayed === undefined
      ? []
      : [
          {
            claim: 'events a second from the outbox to four subscribers',
            goal: 'at least 5000',
            value: relayed.toFixed(0),
            holds: relayed >= 5000,
          },
        ]),
  ]
}

function outOfOrder(got: Evidence['got']): string[] {
  const last = new Map<string, number>()
  return got
    .filter(({ subscriber }) => subscriber === 'in-order')
    .flatMap(({ key, n, marker }) => {
      const before = last.get(key) ?? -1
      last.set(key, Math.max(before, n))
      return n < before ? [marker] : []
    })
}
