import type { Clock } from '../kernel/index.ts'
import type { Database } from '../database/index.ts'
import type { Storage } from '../storage/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { callsOf } from './calls.ts'
import type { App } from './define.ts'
import { readSettings } from './settings.ts'

export interface ContextParts {
  app: App
  database: Database
  files: Storage
  telemetry: Telemetry
  clock: Clock
  variables: Record<string, string | undefined>
}

export interface Contexts {
  /** What code of `module` is given: the same for every request but for its signal. */
  of(module: string, signal: AbortSignal): object
}

/** The context of every module. Calls between modules carry the caller's signal on. */
export async function createContexts(parts: ContextParts): Promise<Contexts> {
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
        files,
        now: () => new Date(clock.now()),
      },
    ]),
  )
  const contexts: Contexts = {
    of(name, signal) {
      const { module, ...context } = fixed.get(name)!
      const call = callsOf(module, app.modules, telemetry, (callee) => contexts.of(callee, signal))
      return { ...context, call, signal }
    },
  }
  return contexts
}
