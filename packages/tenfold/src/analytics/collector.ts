/** Gathers events of many callers into batches: one statement for up to a thousand of them, a fraction of a second late. */
import { messageOf } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Accepted, TrackedEvent } from './analytics.ts'

const BATCH = 1000
const WAIT_MS = 20
/** Waiting for the database; what comes on top is refused. */
const MOST_WAITING = 20_000

export interface Collector {
  add(events: readonly TrackedEvent[]): Promise<Accepted>
  /** Stores what waits, and takes no more. */
  close(): Promise<void>
}

interface Waiting {
  events: readonly TrackedEvent[]
  resolve(accepted: Accepted): void
  reject(error: unknown): void
}

export function createCollector(
  store: (events: readonly TrackedEvent[]) => Promise<Accepted>,
  refused: (count: number) => Error,
  telemetry: Pick<Telemetry, 'metrics' | 'log'>,
): Collector {
  const counter = telemetry.metrics.counter('tenfold.analytics.events', {
    help: 'Events of product analytics.',
    unit: '{event}',
  })
  const waiting: Waiting[] = []
  let count = 0
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = takeBatch()
      try {
        await keep(batch)
      } catch (error) {
        counter.add(sum(batch), { outcome: 'failed' })
        telemetry.log.warn('events of analytics were not stored', { events: sum(batch), error: messageOf(error) })
        for (const { reject } of batch) reject(error)
      }
    }
  }

  const takeBatch = (): Waiting[] => {
    let size = 0
    let take = 0
    while (take < waiting.length && (take === 0 || size + waiting[take]!.events.length <= BATCH)) {
      size += waiting[take++]!.events.length
    }
    count -= size
    return waiting.splice(0, take)
  }

  const keep = async (batch: Waiting[]): Promise<void> => {
    const { stored, repeated } = await store(batch.flatMap(({ events }) => events))
    counter.add(stored, { outcome: 'stored' })
    if (repeated > 0) counter.add(repeated, { outcome: 'repeated' })
    // Which of several callers sent what was known already is not asked: each is told of a share of its own.
    const one = batch.length === 1
    for (const { events, resolve } of batch) {
      resolve(one ? { stored, repeated } : { stored: events.length, repeated: 0 })
    }
  }

  const flush = (): void => {
    timer = undefined
    running ??= run().finally(() => {
      running = undefined
      if (waiting.length > 0) flush()
    })
  }

  return {
    add(events) {
      if (events.length === 0) return Promise.resolve({ stored: 0, repeated: 0 })
      if (closed || count + events.length > MOST_WAITING) {
        counter.add(events.length, { outcome: 'refused' })
        return Promise.reject(refused(events.length))
      }
      count += events.length
      const added = new Promise<Accepted>((resolve, reject) => waiting.push({ events, resolve, reject }))
      if (count >= BATCH) flush()
      else timer ??= setTimeout(flush, WAIT_MS)
      return added
    },
    async close() {
      closed = true
      clearTimeout(timer)
      flush()
      while (running) await running
    },
  }
}

function sum(batch: readonly Waiting[]): number {
  return batch.reduce((all, { events }) => all + events.length, 0)
}
