/** The way into Redis through Postgres: for jobs that are enqueued with a transaction, for those of events, and for all
 *  while Redis is away.
 *
 *    enqueue(…, { tx }) ──> row `redis:<name>` in the job table, if and only if the transaction commits
 *                                └─ claimed like any job, by a worker that adds it to Redis ──> BullMQ
 *
 *  The row is a job of its own, so it has all promises of the queue on Postgres: it is handed over at least once, and its id
 *  is the id of the job in Redis, where adding it again adds nothing. Failing to hand it over costs the job no attempt.
 *  What Redis has acknowledged it may still lose, so the job is held until it has run: see held.ts. */
import type { EventDelivery, JobHandler, NewJob, RetryOptions, Subscriber } from '../queue.ts'
import type { Held, HeldJob } from './held.ts'
import type { Producer } from './producer.ts'

const PREFIX = 'redis:'

/** Redis may be away for days. */
const HAND_OVER: Required<RetryOptions> = {
  maxAttempts: 10_000,
  timeoutMs: 10_000,
  backoff: { baseMs: 500, maxMs: 15_000 },
}

interface Envelope {
  forward: Pick<NewJob, 'name' | 'payload' | 'priority' | 'uniqueKey' | 'version' | 'keepMs' | 'encrypt'> & RetryOptions
  /** Absent: the id of the row. */
  id?: string
  /** When it was enqueued, in ms since 1970. */
  since: number
}

/** Room for what is around a payload. */
const ENVELOPE_BYTES = 4096

/** Of an envelope around a payload of so many bytes: sealed, it is base64, which is longer by a third. */
export function envelopeBytes(payloadBytes: number): number {
  return Math.ceil((payloadBytes * 4) / 3) + ENVELOPE_BYTES
}

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
  const envelope: Envelope = {
    forward: { name, payload, ...shared, ...retries },
    ...(id !== undefined && { id }),
    since: Date.now(),
  }
  return {
    name: outboxName(name),
    payload: envelope,
    // What is to be secret in it is sealed already.
    encrypt: false,
    ...HAND_OVER,
    ...shared,
    ...(delay !== undefined && { delay }),
    ...(runAt && { runAt }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** A subscriber on Redis, as the relay of events knows it. */
export function subscriberOf(job: string): Subscriber {
  return { job: outboxName(job), alone: true, ...HAND_OVER }
}

export interface OutboxParts {
  producer: Producer
  held: Held
  /** Of subscribers, whose rows hold the event and nothing else. */
  retries: ReadonlyMap<string, RetryOptions>
}

/** Hands rows of one name over. */
export function forwarder(name: string, parts: OutboxParts): JobHandler {
  return async ({ id, payload, traceparent = null }) => {
    const given = isEnvelope(payload) ? payload.id : undefined
    // It arrived, and only the answer was lost: its run would never release it.
    if (given !== undefined && (await parts.producer.has(name, given))) return
    const job = { id: given ?? id, name, payload, traceparent }
    if (await parts.held.hold(job, id)) await handOver(job, parts)
  }
}

/** Adds a held job to Redis, if it is not there. */
export async function handOver(
  { id, name, payload, traceparent }: HeldJob,
  { producer, held, retries }: OutboxParts,
): Promise<void> {
  const job = isEnvelope(payload) ? payload.forward : { name, payload, ...retries.get(name) }
  const since = isEnvelope(payload) ? payload.since : undefined
  const [added] = await producer.add([job], [id], {
    held: true,
    ...(since !== undefined && { since }),
    ...(traceparent !== null && { traceparent }),
  })
  // Its unique key was taken: another runs in its place.
  if (added !== id) await held.release(id)
}

function isEnvelope(payload: unknown): payload is Envelope {
  return 'forward' in (payload as Envelope | EventDelivery)
}
