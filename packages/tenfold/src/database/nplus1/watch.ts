/** Watches what one instance's contexts ask for again and again. Costs well below a microsecond for each query: while a
 *  context runs only references are kept (record.ts); only at its end, and only of what was repeated, is anything compared. */
import type { Context, Finding, Telemetry, TraceRecord } from '../../telemetry/index.ts'
import { createAnatomy } from './anatomy.ts'
import type { DatabaseFinding } from './findings.ts'
import { judge } from './judge.ts'
import { createReport } from './report.ts'
import { Recording, type Occurrence } from './record.ts'
import { wordsOf } from './words.ts'

export interface RepeatWatch {
  /** A statement of a module begins. Undefined when it is not watched; `end` then has nothing to do. */
  begin(
    module: string,
    fingerprint: string,
    text: string,
    values: readonly unknown[],
    transaction: object | undefined,
    /** Holds the stack of who asked; defaults to that of this call. */
    site?: { stack?: string },
  ): Occurrence | undefined
  end(occurrence: Occurrence, rows: readonly unknown[]): void
  /** A call from one module to another begins: `catalog.product`. Several inputs at once are no keys. */
  beginCall(caller: string, method: string, input: unknown): Occurrence | undefined
  /** What the present context was given from outside: keys may come out of it, too.
   *  @example watch.given('the request body', body) */
  given(name: string, value: unknown): void
  /** Told of each context in which something was found; returns how to stop that. */
  onFindings(listener: (findings: readonly DatabaseFinding[]) => void): () => void
}

const RECORDING = Symbol('tenfold.nplus1')

/** The platform's own statements are not the app's to mend. */
const PLATFORM = 'tenfold'

export function createRepeatWatch(telemetry: Telemetry): RepeatWatch {
  const listeners = new Set<(findings: readonly DatabaseFinding[]) => void>([createReport(telemetry, wordsOf)])

  const placesOf = createAnatomy()

  const recording = (): Recording | undefined => {
    const context = telemetry.current()
    if (!context) return undefined
    return (context.slots.get(RECORDING) as Recording | undefined) ?? startRecording(context)
  }
  const startRecording = (context: Context): Recording => {
    const made = new Recording()
    context.slots.set(RECORDING, made)
    context.onEnd((trace) => finish(made, trace))
    return made
  }
  const finish = (made: Recording, trace: TraceRecord): void => {
    const findings = made.repeated ? judge(made, trace, placesOf) : []
    made.forget()
    if (findings.length === 0) return
    trace.findings = [...(trace.findings ?? []), ...(findings satisfies Finding[])]
    // The root span comes first: whoever exports traces sees it, too.
    if (trace.spans[0]) trace.spans[0].attributes['tenfold.findings'] = findings.length
    for (const listener of listeners) listener(findings)
  }

  return {
    begin: (module, fingerprint, text, values, transaction, site) =>
      module === PLATFORM
        ? undefined
        : recording()?.begin('query', module, fingerprint, text, values, transaction, site),
    end: (occurrence, rows) => occurrence.recording.end(occurrence, rows),
    beginCall: (caller, method, input) => recording()?.begin('call', caller, method, '', [input], undefined),
    given(name, value) {
      if (typeof value === 'object' && value !== null) recording()?.given(name, value)
    },
    onFindings(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
