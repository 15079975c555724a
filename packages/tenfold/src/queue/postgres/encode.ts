/** New jobs and events as the JSON that `tenfold.enqueue` and `tenfold.publish` take; refuses what Postgres would refuse,
 *  so that one bad job cannot fail the others of its batch. */
import { JobInvalid, JobPayloadTooLarge } from '../errors.ts'
import type { NewEvent, NewJob, RetryOptions } from '../queue.ts'

/** `jsonb` cannot hold U+0000 nor half a surrogate pair. JSON.stringify writes both as escapes. */
const NOT_IN_JSONB = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/
const NAME = /^[a-zA-Z0-9][\w.:/-]{0,199}$/

/** Options with their defaults, under the names of the columns' input. */
export function retryFields({ maxAttempts = 10, timeoutMs = 60_000, backoff }: RetryOptions): Record<string, number> {
  return {
    attempts: maxAttempts,
    timeout: timeoutMs,
    backoff: backoff?.baseMs ?? 1000,
    backoffMax: backoff?.maxMs ?? 3_600_000,
  }
}

export function encodeJob(job: NewJob, maxPayloadBytes: number, traceparent: string | undefined): string {
  check(job)
  const { name, priority, delay, runAt, uniqueKey, concurrency } = job
  const fields = JSON.stringify({
    name,
    ...retryFields(job),
    priority,
    delay,
    runAt: runAt?.getTime(),
    uniqueKey,
    key: concurrency?.key,
    keyLimit: concurrency?.limit,
    trace: job.traceparent ?? traceparent,
  })
  refuseUnstorable(name, fields)
  return `${fields.slice(0, -1)},"payload":${encodePayload(name, job.payload, maxPayloadBytes)}}`
}

export function encodeEvent(event: NewEvent, maxPayloadBytes: number, traceparent: string | undefined): string {
  if (!NAME.test(event.name)) throw JobInvalid({ name: event.name, reason: 'its name is not of the form module.name' })
  const fields = JSON.stringify({ name: event.name, trace: traceparent })
  return `${fields.slice(0, -1)},"payload":${encodePayload(event.name, event.payload, maxPayloadBytes)}}`
}

function encodePayload(name: string, payload: unknown, limit: number): string {
  let json: string
  try {
    json = JSON.stringify(payload ?? null)
  } catch (error) {
    throw JobInvalid({ name, reason: 'its payload cannot be written as JSON' }, { cause: error })
  }
  if (json === undefined) throw JobInvalid({ name, reason: `its payload is a ${typeof payload}` })
  // A character is at most three bytes: only text near the limit has to be measured.
  const bytes = json.length * 3 > limit ? Buffer.byteLength(json) : json.length
  if (bytes > limit) throw JobPayloadTooLarge({ name, bytes, limit })
  refuseUnstorable(name, json)
  return json
}

function refuseUnstorable(name: string, json: string): void {
  if (json.includes('\\u') && NOT_IN_JSONB.test(json)) {
    throw JobInvalid({
      name,
      reason: 'it holds the character U+0000 or half a surrogate pair, which Postgres cannot store',
    })
  }
}

function check(job: NewJob): void {
  const {
    name,
    priority = 0,
    delay = 0,
    runAt,
    maxAttempts = 10,
    timeoutMs = 0,
    backoff = {},
    concurrency,
    uniqueKey,
  } = job
  const refuse = (reason: string): never => {
    throw JobInvalid({ name, reason })
  }
  if (!NAME.test(name)) refuse('its name is not of the form module.name')
  if (!Number.isInteger(priority) || Math.abs(priority) > 1000)
    refuse(`priority ${priority} is not a whole number from -1000 to 1000`)
  if (!(delay >= 0 && delay <= MAX_DELAY)) refuse(`delay ${delay} is not a number of milliseconds from 0 to ten years`)
  if (runAt && !(runAt.getTime() < MAX_TIME)) refuse('runAt is not a valid date before the year 2200')
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > 10_000)
    refuse(`maxAttempts ${maxAttempts} is not from 1 to 10000`)
  if (!isInterval(timeoutMs)) refuse(`timeoutMs ${timeoutMs} is not a whole number of milliseconds up to 24 days`)
  if (!isInterval(backoff.baseMs ?? 0) || !isInterval(backoff.maxMs ?? 0))
    refuse('backoff is not given in whole milliseconds up to 24 days')
  if (concurrency && (!Number.isInteger(concurrency.limit) || concurrency.limit < 1))
    refuse(`a concurrency limit of ${concurrency.limit} lets none run`)
  if ((uniqueKey?.length ?? 0) > MAX_KEY || (concurrency?.key.length ?? 0) > MAX_KEY)
    refuse(`a key is longer than ${MAX_KEY} characters`)
}

const MAX_DELAY = 10 * 366 * 86_400_000
const MAX_TIME = Date.UTC(2200, 0)
const MAX_KEY = 500

/** setTimeout, and Postgres's integer, end there. */
function isInterval(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms <= 0x7fffffff
}

/** A result or an error message, made fit for `jsonb`. */
export function storable(json: string): string {
  return json.includes('\\u') ? json.replace(/\\u(?:0000|d[89a-f][0-9a-f]{2})/g, '\\ufffd') : json
}
