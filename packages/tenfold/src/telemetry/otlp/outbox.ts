/** Sends what gathers, in batches, to one address of a collector.
 *
 *    add ──> waiting (bounded) ──batch──> post ──2xx──> done
 *               │ full                     ├─ 429, 502, 503, 504, no answer ──> again, later (back-off with jitter)
 *               └─> dropped, counted       └─ anything else, or for too long ──> dropped, counted
 *
 *  One request at a time: a slow collector slows only itself down.
 *  https://opentelemetry.io/docs/specs/otlp/#otlphttp-response */
import { AsyncLocalStorage } from 'node:async_hooks'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { messageOf, systemClock, toMs } from '../../kernel/index.ts'
import type { Telemetry } from '../telemetry.ts'
import { Poster } from './post.ts'
import { encodeProtobuf } from './protobuf.ts'
import { REQUESTS, type Signal } from './messages.ts'
import type { SignalSettings } from './settings.ts'

/** What waits to be sent, in the order in which it came. */
export interface Waiting<Item> {
  readonly size: number
  /** False for what cannot be sent. */
  add(item: Item): boolean
  /** Takes what goes with one request, which is at most a batch; undefined when nothing waits. */
  take(): Taken | undefined
}

export interface Taken {
  readonly size: number
  body(): Uint8Array | string
}

export interface OutboxOptions<Item> {
  signal: Signal
  settings: SignalSettings
  telemetry: Telemetry
  waiting: Waiting<Item>
  /** How long one batch is tried. Defaults to two minutes. */
  patienceMs?: number
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
const AGAIN = new Set([429, 502, 503, 504])
const compress = promisify(gzip)

export class Outbox<Item> {
  dropped = 0
  private readonly options: OutboxOptions<Item>
  private readonly patienceMs: number
  private readonly waiting: Waiting<Item>
  private readonly poster: Poster
  private running: Promise<void> | undefined
  /** How many of those that wait are sent even if they are no whole batch. */
  private due = 0
  private timer: NodeJS.Timeout | undefined
  private readonly closing = new AbortController()
  private away = false
  private patient = true
  private readonly sent: (items: number) => void
  private readonly took: (seconds: number) => void
  /** Requests of our own belong to no trace, whoever it was that filled the batch. */
  private readonly outside = AsyncLocalStorage.snapshot()

  constructor(options: OutboxOptions<Item>) {
    this.options = options
    this.waiting = options.waiting
    this.poster = new Poster(options.settings.url)
    this.patienceMs = options.patienceMs ?? toMs('2m')
    const { signal, settings, telemetry } = options
    const { metrics } = telemetry
    const sent = metrics.counter('tenfold.telemetry.export.sent', { help: 'What OTLP has taken.', unit: '{item}' })
    const took = metrics.histogram('tenfold.telemetry.export.duration', {
      help: 'Duration of the requests to the OTLP endpoint.',
      unit: 's',
    })
    this.sent = (items) => sent.add(items, { signal })
    this.took = (seconds) => took.record(seconds, { signal })
    this.timer = setInterval(() => void this.flush(), settings.everyMs)
    this.timer.unref()
  }

  add(items: readonly Item[]): void {
    const { maxWaiting, maxBatch } = this.options.settings
    const taken = Math.min(items.length, Math.max(0, maxWaiting - this.waiting.size))
    this.dropped += items.length - taken
    for (let i = 0; i < taken; i++) if (!this.waiting.add(items[i]!)) this.dropped++
    if (this.waiting.size >= maxBatch) this.begin()
  }

  /** Sends what waits; resolves when it was sent or given up. */
  async flush(): Promise<void> {
    this.due = this.waiting.size
    this.begin()
    while (this.running) await this.running
  }

  /** One last attempt, for at most `withinMs`. */
  async close(withinMs: number): Promise<void> {
    clearInterval(this.timer)
    this.patient = false
    const timer = setTimeout(() => this.closing.abort(), withinMs)
    await this.flush()
    clearTimeout(timer)
    this.closing.abort()
    this.poster.close()
  }

  private begin(): void {
    if (this.running || this.waiting.size === 0) return
    this.running = this.outside(() => this.sendAll()).finally(() => {
      this.running = undefined
      if (this.due > 0) this.begin()
    })
  }

  /** Whole batches, and what is due. The rest waits for more of it: a request for a few spans costs as much as one for many. */
  private async sendAll(): Promise<void> {
    while (this.due > 0 || this.waiting.size >= this.options.settings.maxBatch) {
      const batch = this.waiting.take()
      if (!batch) break
      this.due -= batch.size
      const failure = await this.send(batch).catch((error: unknown) => messageOf(error))
      if (failure === undefined) this.sent(batch.size)
      else this.dropped += batch.size
      this.tell(failure)
    }
    this.due = 0
  }

  /** Undefined when it was taken; else why it was given up. */
  private async send(batch: Taken): Promise<string | undefined> {
    const plain = batch.body()
    const body = this.options.settings.compression === 'gzip' ? await compress(plain) : plain
    const until = performance.now() + this.patienceMs
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const { failure, again, afterMs } = await this.post(body)
      if (failure === undefined) return undefined
      // Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): many processes do not come back at once.
      const wait = afterMs ?? pause * (0.5 + Math.random() / 2)
      if (!again || !this.patient || performance.now() + wait > until) return failure
      this.tell(failure)
      await systemClock.sleep(wait, this.closing.signal)
    }
  }

  private async post(body: Uint8Array | string): Promise<{ failure?: string; again?: boolean; afterMs?: number }> {
    const { headers, protocol, timeoutMs, compression } = this.options.settings
    const started = performance.now()
    try {
      const described = {
        ...headers,
        'content-type': protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
        ...(compression === 'gzip' && { 'content-encoding': 'gzip' }),
      }
      const { status, retryAfter } = await this.poster.post(body, described, timeoutMs, this.closing.signal)
      if (status >= 200 && status < 300) return {}
      const afterMs = msOf(retryAfter)
      return { failure: `it answered ${status}`, again: AGAIN.has(status), ...(afterMs !== undefined && { afterMs }) }
    } catch (error) {
      return { failure: messageOf(error), again: true }
    } finally {
      this.took((performance.now() - started) / 1000)
    }
  }

  /** One line when it begins to fail, and one when it is over. */
  private tell(failure: string | undefined): void {
    const { signal, settings, telemetry } = this.options
    if (failure !== undefined && !this.away)
      telemetry.log.warn('Telemetry cannot be exported; the app goes on', {
        signal,
        url: settings.url,
        reason: failure,
      })
    if (failure === undefined && this.away) telemetry.log.info('Telemetry is exported again', { signal })
    this.away = failure !== undefined
  }
}

/** Items that wait as they are. */
export class WaitingItems<Item> implements Waiting<Item> {
  private readonly settings: SignalSettings
  private readonly signal: Signal
  private readonly request: (items: readonly Item[]) => object
  private readonly items: Item[] = []

  constructor(signal: Signal, settings: SignalSettings, request: (items: readonly Item[]) => object) {
    this.signal = signal
    this.settings = settings
    this.request = request
  }

  get size(): number {
    return this.items.length
  }

  add(item: Item): boolean {
    this.items.push(item)
    return true
  }

  take(): Taken | undefined {
    const items = this.items.splice(0, this.settings.maxBatch)
    return items.length === 0 ? undefined : { size: items.length, body: () => this.encode(items) }
  }

  private encode(items: readonly Item[]): Uint8Array | string {
    const message = this.request(items)
    return this.settings.protocol === 'http/json'
      ? JSON.stringify(message)
      : encodeProtobuf(REQUESTS[this.signal], message)
  }
}

/** Seconds, or a date. */
function msOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_PAUSE_MS) : undefined
}
