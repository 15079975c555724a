import { createFingerprint, type RepeatWatch } from '../database/index.ts'
import type { Context, Telemetry } from '../telemetry/index.ts'
import { attempt } from './attempt.ts'
import type { Asked, Observer } from './seat.ts'
import { literalsIn, parametrised } from './text.ts'

/** Where statements look for tables when they name no schema: what index advice goes by. */
const SCHEMA = 'public'
const NOTICED_MS = 1
const MOST_TEXTS = 5000
const ATTRIBUTES = { 'db.system.name': 'postgresql' }

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

  /** A statement that has been sent, in the context of who asked. */
  const begin = (context: Context | undefined) => {
    const started = performance.now()
    const span = telemetry.within(context, () => telemetry.start('query', '', ATTRIBUTES))
    const end = (shape: string, rowCount: number, error?: unknown): void => {
      duration.record((performance.now() - started) / 1000)
      span.rename(shape)
      span.set('db.response.returned_rows', rowCount)
      const code = (error as { code?: unknown } | null | undefined)?.code
      if (typeof code === 'string') span.set('db.response.status_code', code)
      span.end(error)
    }
    return { started, span, end }
  }

  const lookAt = (shape: string, { text, values, transaction, site }: Asked) =>
    watch.begin('', shape, text, values, transaction, site)

  /** Whoever counts what is asked again and again: what was written into the text is a value, too. */
  const running = (shape: string, { text, values }: Asked): (() => void) => {
    const { watch: counts } = telemetry.statements
    const counted = counts?.began('', shape, [...values, ...literalsIn(text)])
    return () => counts?.ended(counted)
  }

  const outcomes = (
    asked: Asked,
    shape: string,
    occurrence: ReturnType<typeof lookAt>,
    begun: () => ReturnType<typeof begin>,
    over: () => void,
  ) => ({
    done: (rows: readonly unknown[], rowCount: number) =>
      attempt(() => {
        over()
        begun().end(shape, rowCount)
        keepText(shape, asked.text)
        if (occurrence) watch.end(occurrence, rows)
      }),
    failed: (error: unknown) =>
      attempt(() => {
        over()
        begun().end(shape, 0, error ?? new Error('failed'))
      }),
  })

  return {
    ask: (asked) =>
      attempt(() => {
        const context = telemetry.current()
        const shape = fingerprint(asked.text)
        // Now, since who asks is on the stack.
        const occurrence = lookAt(shape, asked)
        const askedAt = performance.now()
        let begun: ReturnType<typeof begin> | undefined
        let over: (() => void) | undefined
        const send = (): ReturnType<typeof begin> => {
          if (begun) return begun
          over = running(shape, asked)
          begun = begin(context)
          const waitedMs = begun.started - askedAt
          waits.record(waitedMs / 1000)
          if (waitedMs >= NOTICED_MS) begun.span.set('tenfold.db.wait_ms', waitedMs)
          return begun
        }
        return {
          sent: () => void attempt(send),
          ...outcomes(asked, shape, occurrence, send, () => over?.()),
          within: (fn) => telemetry.within(context, fn),
        }
      }),

    askLater() {
      const context = telemetry.current()
      const begun = begin(context)
      return (asked) =>
        attempt(() => {
          const shape = fingerprint(asked.text)
          const occurrence = telemetry.within(context, () => lookAt(shape, asked))
          return {
            sent() {},
            ...outcomes(asked, shape, occurrence, () => begun, running(shape, asked)),
            within: (fn) => telemetry.within(context, fn),
          }
        })
    },

    keepContext(fn) {
      const context = telemetry.current()
      return (...args) => telemetry.within(context, () => fn(...args))
    },
  }
}
