import type { Clock } from '../kernel/index.ts'
import type { Database } from '../database/index.ts'
import type { Module, ModuleContext } from '../modules/index.ts'
import type { Storage } from '../storage/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { callsOf } from './calls.ts'
import type { App } from './define.ts'
import { filesOf } from './files.ts'
import { readSettings } from './settings.ts'

export interface ContextParts {
  app: App
  database: Database
  files: Storage
  telemetry: Telemetry
  clock: Clock
  variables: Record<string, string | undefined>
}

/** What code of `module` is given. A new object for each request, job or call, so that more can be put on it. */
export type ContextOf = (module: string, signal: AbortSignal) => object

export async function createContexts(parts: ContextParts): Promise<ContextOf> {
  const { app, database, files, telemetry, clock, variables } = parts
  const settings = await readSettings(app.modules, variables)
  const fixed = new Map(
    app.modules.map((module) => [
      module.name,
      {
        module,
        db: database.module(module.name),
        settings: settings.get(module.name) ?? {},
        log: telemetry.log.child({ module: module.name }),
        span: spansOf(telemetry, module.name),
        files: filesOf(files, module.name),
        now: () => new Date(clock.now()),
      },
    ]),
  )
  const contextOf: ContextOf = (name, signal) => new Context(fixed.get(name)!, signal, calls)
  // Calls carry the signal of their caller on.
  const calls = (module: Module, signal: AbortSignal): unknown =>
    callsOf(module, app.modules, {
      telemetry,
      watch: database.watch,
      contextOf: (callee) => contextOf(callee, signal),
    })
  return contextOf
}

function spansOf(telemetry: Telemetry, module: string): ModuleContext['span'] {
  return (name, attributes, fn) => telemetry.span('custom', name, { ...attributes, 'tenfold.module': module }, fn)
}

type Fixed = Record<'db' | 'settings' | 'log' | 'span' | 'files' | 'now', unknown> & { module: Module }

class Context {
  readonly db: unknown
  readonly settings: unknown
  readonly log: unknown
  readonly span: unknown
  readonly files: unknown
  readonly now: unknown
  readonly signal: AbortSignal
  readonly #module: Module
  readonly #calls: (module: Module, signal: AbortSignal) => unknown

  constructor(
    { module, db, settings, log, span, files, now }: Fixed,
    signal: AbortSignal,
    calls: (module: Module, signal: AbortSignal) => unknown,
  ) {
    this.db = db
    this.settings = settings
    this.log = log
    this.span = span
    this.files = files
    this.now = now
    this.signal = signal
    this.#module = module
    this.#calls = calls
  }

  /** Made when it is first asked for: most requests call no other module. */
  get call(): unknown {
    return this.#calls(this.#module, this.signal)
  }
}
