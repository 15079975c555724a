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
import { encodeProtobuf } from './protobuf.ts'
import { REQUESTS, type Signal } from './messages.ts'
import type { SignalSettings } from './settings.ts'

export interface OutboxOptions<Item> {
  signal: Signal
  settings: SignalSettings
  telemetry: Telemetry
  request(items: readonly Item[]): object
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
  private waiting: Item[] = []
  private running: Promise<void> | undefined
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
    this.timer = setInterval(() => this.begin(), settings.everyMs)
    this.timer.unref()
  }

  add(items: readonly Item[]): void {
    const { maxWaiting, maxBatch } = this.options.settings
    const room = Math.max(0, maxWaiting - this.waiting.length)
    this.dropped += Math.max(0, items.length - room)
    for (let i = 0; i < Math.min(room, items.length); i++) this.waiting.push(items[i]!)
    if (this.waiting.length >= maxBatch) this.begin()
  }

  /** Sends what waits; resolves when it was sent or given up. */
  flush(): Promise<void> {
    this.begin()
    return this.running ?? Promise.resolve()
  }

  /** One last attempt, for at most `withinMs`. */
  async close(withinMs: number): Promise<void> {
    clearInterval(this.timer)
    this.patient = false
    const timer = setTimeout(() => this.closing.abort(), withinMs)
    await this.flush()
    clearTimeout(timer)
    this.closing.abort()
  }

  private begin(): void {
    if (this.running || this.waiting.length === 0) return
    this.running = this.outside(() => this.sendAll()).finally(() => {
      this.running = undefined
    })
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.options.settings.maxBatch)
      const failure = await this.send(batch).catch((error: unknown) => messageOf(error))
      if (failure === undefined) this.sent(batch.length)
      else this.dropped += batch.length
      this.tell(failure)
    }
  }

  /** Undefined when it was taken; else why it was given up. */
  private async send(batch: readonly Item[]): Promise<string | undefined> {
    const body = await this.encode(batch)
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

  private async encode(batch: readonly Item[]): Promise<Uint8Array | string> {
    const { signal, settings, request } = this.options
    const message = request(batch)
    const body = settings.protocol === 'http/json' ? JSON.stringify(message) : encodeProtobuf(REQUESTS[signal], message)
    return settings.compression === 'gzip' ? compress(body) : body
  }

  private async post(body: Uint8Array | string): Promise<{ failure?: string; again?: boolean; afterMs?: number }> {
    const { url, headers, protocol, timeoutMs, compression } = this.options.settings
    const started = performance.now()
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        headers: {
          ...headers,
          'content-type': protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
          ...(compression === 'gzip' && { 'content-encoding': 'gzip' }),
        },
        body: body as Uint8Array<ArrayBuffer>,
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.closing.signal]),
      })
      await response.arrayBuffer()
      if (response.ok) return {}
      const afterMs = retryAfter(response.headers.get('retry-after'))
      const failure = `it answered ${response.status}`
      return { failure, again: AGAIN.has(response.status), ...(afterMs !== undefined && { afterMs }) }
    } catch (error) {
      const cause = (error as { cause?: unknown }).cause
      return { failure: messageOf(cause ?? error), again: true }
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

/** Seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_PAUSE_MS) : undefined
}
