import { createFingerprint, type RepeatWatch } from '../database/index.ts'
import type { Context, Span, Telemetry } from '../telemetry/index.ts'
import type { Asked, Observer } from './seat.ts'
import { parametrised } from './text.ts'

/** Where statements look for tables when they name no schema: what index advice goes by. */
const SCHEMA = 'public'
const NOTICED_MS = 1
const MOST_TEXTS = 5000

/** Records statements of the app as the framework records those of modules. */
export function createQueries(
  telemetry: Telemetry,
  watch: RepeatWatch,
): Pick<Observer, 'ask' | 'askLater' | 'keepContext'> {
  const fingerprint = createFingerprint()
  const duration = telemetry.metrics.histogram('db.client.operation.duration', {
    help: 'Duration of database statements as the client sees it.',
    unit: 's',
  })
  const waits = telemetry.metrics.histogram('db.client.connection.wait_time', {
    help: 'Time that a statement waited for a connection.',
    unit: 's',
  })

  const kept = new Set<string>()
  /** Of each statement one text, without what was written into it. */
  const keepText = (shape: string, text: string): void => {
    if (kept.has(shape) || kept.size >= MOST_TEXTS) return
    kept.add(shape)
    telemetry.statements.saw(SCHEMA, shape, parametrised(text))
  }

  const occurrenceOf = (shape: string, { text, values, transaction, site }: Asked) =>
    watch.begin('', shape, text, values, transaction, site)

  const finish = (
    context: Context | undefined,
    shape: string,
    text: string,
    span: Span,
    started: number,
    occurrence: ReturnType<typeof occurrenceOf>,
  ) => {
    const end = (rowCount: number, error?: unknown): void => {
      duration.record((performance.now() - started) / 1000)
      span.set('db.response.returned_rows', rowCount)
      const code = (error as { code?: unknown } | null | undefined)?.code
      if (typeof code === 'string') span.set('db.response.status_code', code)
      span.end(error)
    }
    return {
      done: (rows: readonly unknown[], rowCount: number) => {
        end(rowCount)
        keepText(shape, text)
        if (occurrence) watch.end(occurrence, rows)
      },
      failed: (error: unknown) => end(0, error ?? new Error('failed')),
      within: <T>(fn: () => T): T => telemetry.within(context, fn),
    }
  }

  return {
    ask(asked) {
      const context = telemetry.current()
      const shape = fingerprint(asked.text)
      const occurrence = occurrenceOf(shape, asked)
      const askedAt = performance.now()
      let underway: ReturnType<typeof finish> | undefined
      const send = (): ReturnType<typeof finish> => {
        if (underway) return underway
        const started = performance.now()
        const span = telemetry.within(context, () => telemetry.start('query', shape, ATTRIBUTES))
        const waitedMs = started - askedAt
        waits.record(waitedMs / 1000)
        if (waitedMs >= NOTICED_MS) {
          span.set('tenfold.db.wait_ms', waitedMs)
        }
        return (underway = finish(context, shape, asked.text, span, started, occurrence))
      }
      return {
        sent: () => void send(),
        done: (rows, rowCount) => send().done(rows, rowCount),
        failed: (error) => send().failed(error),
        within: (fn) => telemetry.within(context, fn),
      }
    },

    askLater() {
      const context = telemetry.current()
      const started = performance.now()
      const span = telemetry.start('query', '', ATTRIBUTES)
      return (asked) =>
        telemetry.within(context, () => {
          const shape = fingerprint(asked.text)
          span.rename(shape)
          const occurrence = occurrenceOf(shape, asked)
          return { sent() {}, ...finish(context, shape, asked.text, span, started, occurrence) }
        })
    },

    keepContext(fn) {
      const context = telemetry.current()
      return (...args) => telemetry.within(context, () => fn(...args))
    },
  }
}

const ATTRIBUTES = { 'db.system.name': 'postgresql' }
