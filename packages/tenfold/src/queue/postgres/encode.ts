/** New jobs and events as the JSON that `tenfold.enqueue` and `tenfold.publish` take; refuses what Postgres would refuse,
 *  so that one bad job cannot fail the others of its batch. */
import { JobInvalid, JobPayloadTooLarge } from '../errors.ts'
import type { NewEvent, NewJob, RetryOptions, UniqueOptions } from '../queue.ts'
import type { Sealer } from '../secret.ts'

/** `jsonb` cannot hold U+0000 nor half a surrogate pair. JSON.stringify writes both as escapes. */
const NOT_IN_JSONB = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/
const NAME = /^[a-zA-Z0-9][\w.:/-]{0,199}$/

/** Options with their defaults, under the names of the columns' input. */
export function retryFields({
  maxAttempts = 10,
  timeoutMs = 60_000,
  backoff,
}: RetryOptions): Record<'attempts' | 'timeout' | 'backoff' | 'backoffMax', number> {
  return {
    attempts: maxAttempts,
    timeout: timeoutMs,
    backoff: backoff?.baseMs ?? 1000,
    backoffMax: backoff?.maxMs ?? 3_600_000,
  }
}

export interface Encoding {
  maxPayloadBytes: number
  sealer: Sealer
  /** What jobs do that do not say. */
  encrypt: boolean
}

export function encodeJob(job: NewJob, encoding: Encoding, traceparent: string | undefined): string {
  check(job)
  const { name, priority, delay, runAt, uniqueKey, concurrency, encrypt = encoding.encrypt } = job
  const laned = hasLane(job)
  const fields = JSON.stringify({
    name,
    ...retryFields(job),
    priority,
    delay,
    runAt: runAt?.getTime(),
    uniqueKey,
    ...(job.unique && uniqueFields(job.unique)),
    ...(concurrency && !laned && { key: concurrency.key ?? '', keyLimit: concurrency.limit }),
    ...(laned && laneFields(job)),
    ...(job.version !== undefined && job.version > 1 && { version: job.version }),
    ...(job.after && { after: job.after, policy: job.afterFailure ?? 'wait' }),
    ...((encrypt || job.keepMs !== undefined) && {
      extra: { ...(job.keepMs !== undefined && { keep: job.keepMs }), ...(encrypt && { sealed: true }) },
    }),
    trace: job.traceparent ?? traceparent,
  })
  refuseUnstorable(name, fields)
  const payload = encodePayload(name, job.payload, encoding.maxPayloadBytes)
  return `${fields.slice(0, -1)},"payload":${encrypt ? encoding.sealer.seal(name, payload) : payload}}`
}

/** Those that take turns, or whose limits have to be looked at together. */
export function hasLane({ tenant, rate, concurrency }: NewJob): boolean {
  return tenant !== undefined || rate !== undefined || concurrency?.total !== undefined
}

/** Jobs with the same tenant and keys share a lane. */
function laneFields({ tenant = '', rate, concurrency }: NewJob): object {
  const key = concurrency && (concurrency.key ?? '')
  const lane = [tenant, concurrency ? `=${key}` : '', rate ? `=${rate.key ?? ''}` : '']
  return {
    lane: lane.join('\u0001'),
    gates: {
      ...(tenant !== '' && { tenant }),
      ...(concurrency && { key, keyLimit: concurrency.limit, total: concurrency.total }),
      ...(rate && { rateKey: rate.key ?? '', rateMax: rate.max, ratePer: rate.perMs }),
    },
  }
}

function uniqueFields({ windowMs, onConflict = 'keep', maxWaitMs }: UniqueOptions): object {
  if (windowMs === undefined && onConflict === 'keep') return {}
  return { conflict: onConflict, window: windowMs, maxWait: maxWaitMs }
}

export function encodeEvent(event: NewEvent, maxPayloadBytes: number, traceparent: string | undefined): string {
  if (!NAME.test(event.name)) throw JobInvalid({ name: event.name, reason: 'its name is not of the form module.name' })
  const fields = JSON.stringify({ name: event.name, key: event.key, trace: traceparent })
  refuseUnstorable(event.name, fields)
  if ((event.key?.length ?? 0) > MAX_KEY)
    throw JobInvalid({ name: event.name, reason: `its key is longer than ${MAX_KEY} characters` })
  return `${fields.slice(0, -1)},"payload":${encodePayload(event.name, event.payload, maxPayloadBytes)}}`
}

export function encodePayload(name: string, payload: unknown, limit: number): string {
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

/** Throws TF_JOB_INVALID if the queue does not take it. */
export function check(job: NewJob): void {
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
  if (concurrency)
    for (const limit of [concurrency.limit, concurrency.total ?? 1])
      if (!Number.isInteger(limit) || limit < 1 || limit > 1_000_000)
        refuse(`a concurrency limit of ${limit} lets none run`)
  const keys = [uniqueKey, concurrency?.key, job.rate?.key, job.tenant]
  if (keys.some((key) => (key?.length ?? 0) > MAX_KEY)) refuse(`a key is longer than ${MAX_KEY} characters`)
  if (hasLane(job) && keys.some((key) => /[\u0001\u0002]/.test(key ?? '')))
    refuse('a key holds the character U+0001 or U+0002')
  checkRare(job, refuse)
}

function checkRare(
  { rate, unique, uniqueKey, version, keepMs, after }: NewJob,
  refuse: (reason: string) => never,
): void {
  if (rate && (!Number.isInteger(rate.max) || rate.max < 1)) refuse(`a rate of ${rate.max} lets none begin`)
  if (rate && !(rate.perMs >= 1 && rate.perMs <= DAY))
    refuse(`a rate is counted over 1 ms to one day, not over ${rate.perMs} ms`)
  if (unique && uniqueKey === undefined) refuse('`unique` without a `uniqueKey`')
  if (unique?.windowMs !== undefined && !(unique.windowMs >= 0 && unique.windowMs <= MAX_DELAY))
    refuse('its unique window is not from 0 to ten years')
  if (unique?.maxWaitMs !== undefined && !(unique.maxWaitMs >= 0))
    refuse('its longest wait is not a number of milliseconds')
  if (version !== undefined && (!Number.isInteger(version) || version < 1 || version > 32_767))
    refuse(`version ${version} is not a whole number from 1 to 32767`)
  if (keepMs !== undefined && !(keepMs >= 0 && keepMs <= MAX_DELAY))
    refuse(`keepMs ${keepMs} is not from 0 to ten years`)
  if (after && uniqueKey !== undefined) refuse('a job with a unique key cannot come after others')
  if (after && (after.length === 0 || after.length > 1000))
    refuse(`it comes after ${after.length} jobs, which is not from 1 to 1000`)
  if (after?.some((id) => !/^\d{1,18}$/.test(id))) refuse('it comes after something that is not the id of a job')
}

const DAY = 86_400_000
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
