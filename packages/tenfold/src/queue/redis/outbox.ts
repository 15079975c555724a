/** The way into Redis through Postgres: for jobs that are enqueued with a transaction, for those of events, and for all
 *  while Redis is away.
 *
 *    enqueue(…, { tx }) ──> row `redis:<name>` in the job table, if and only if the transaction commits
 *                                └─ claimed like any job, by a worker that adds it to Redis ──> BullMQ
 *
 *  The row is a job of its own, so it has all promises of the queue on Postgres: it is handed over at least once, and its id
 *  is the id of the job in Redis, where adding it again adds nothing. Failing to hand it over costs the job no attempt. */
import type { EventDelivery, JobHandler, NewJob, RetryOptions, Subscriber } from '../queue.ts'
import type { Producer } from './producer.ts'

const PREFIX = 'redis:'

/** Redis may be away for days. */
const HAND_OVER: Required<RetryOptions> = {
  maxAttempts: 10_000,
  timeoutMs: 10_000,
  backoff: { baseMs: 500, maxMs: 15_000 },
}

interface Envelope {
  forward: Pick<NewJob, 'name' | 'payload' | 'priority' | 'uniqueKey'> & RetryOptions
  /** Absent: the id of the row. */
  id?: string
}

/** Room in a payload for what is around it. */
export const ENVELOPE_BYTES = 4096

export function outboxName(name: string): string {
  return PREFIX + name
}

/** The name that people know; undefined where it is no row of the outbox. */
export function nameInOutbox(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined
}

/** `id`: under which it may already be in Redis. */
export function envelopeOf(job: NewJob, id?: string): NewJob {
  const { name, payload, priority, delay, runAt, uniqueKey, traceparent, ...retries } = job
  const shared = {
    ...(priority !== undefined && { priority }),
    ...(uniqueKey !== undefined && { uniqueKey }),
  }
  const envelope: Envelope = { forward: { name, payload, ...shared, ...retries }, ...(id !== undefined && { id }) }
  return {
    name: outboxName(name),
    payload: envelope,
    ...HAND_OVER,
    ...shared,
    ...(delay !== undefined && { delay }),
    ...(runAt && { runAt }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** A subscriber on Redis, as the relay of events knows it. */
export function subscriberOf(job: string): Subscriber {
  return { job: outboxName(job), ...HAND_OVER }
}

/** Hands rows of one name over. `retries`: of subscribers, whose rows hold the event and nothing else. */
export function forwarder(name: string, producer: Producer, retries: ReadonlyMap<string, RetryOptions>): JobHandler {
  return async (row) => {
    const { forward, id } = isEnvelope(row.payload)
      ? { forward: row.payload.forward, id: row.payload.id ?? row.id }
      : { forward: { name, payload: row.payload, ...retries.get(name) }, id: row.id }
    await producer.add([forward], [id], row.traceparent)
  }
}

function isEnvelope(payload: unknown): payload is Envelope {
  return 'forward' in (payload as Envelope | EventDelivery)
}
