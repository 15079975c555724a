import { createSeal, type Clock } from '../kernel/index.ts'
import type { Database } from '../database/index.ts'
import type { Module, ModuleContext, UserSessions, Vault } from '../modules/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { Storage } from '../storage/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { callsOf, type Calling } from './calls.ts'
import type { App } from './define.ts'
import { Sealed } from './errors.ts'
import { filesOf } from './files.ts'
import type { RemoteModule } from './remote/index.ts'
import { readSettings } from './settings.ts'

export interface ContextParts {
  app: App
  database: Database
  files: Storage
  sessions: Sessions
  telemetry: Telemetry
  clock: Clock
  secretKeys: readonly string[]
  variables: Record<string, string | undefined>
  /** Those whose code runs here. */
  local: readonly Module[]
  remotes: ReadonlyMap<string, RemoteModule>
}

/** What code of `module` is given. A new object for each request, job or call, so that more can be put on it. */
export type ContextOf = (module: string, signal: AbortSignal) => object

export interface Contexts {
  contextOf: ContextOf
  /** For calls that come from outside: what their code is given. */
  callingFor(signal: AbortSignal): Calling
}

export async function createContexts(parts: ContextParts): Promise<Contexts> {
  const { app, database, files, sessions, telemetry, clock, secretKeys, variables, local, remotes } = parts
  const settings = await readSettings(local, variables)
  const ofUsers = userSessions(sessions)
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
        sessions: ofUsers,
        vault: vaultOf(secretKeys, module.name),
        now: () => new Date(clock.now()),
      },
    ]),
  )
  const contextOf: ContextOf = (name, signal) => new Context(fixed.get(name)!, signal, calls)
  // Calls carry the signal of their caller on.
  const calls = (module: Module, signal: AbortSignal): unknown => callsOf(module, app.modules, callingFor(signal))
  const callingFor = (signal: AbortSignal): Calling => ({
    telemetry,
    watch: database.watch,
    signal,
    contextOf: (callee) => contextOf(callee, signal),
    remoteOf: (callee) => remotes.get(callee),
  })
  return { contextOf, callingFor }
}

function spansOf(telemetry: Telemetry, module: string): ModuleContext['span'] {
  return (name, attributes, fn) => telemetry.span('custom', name, { ...attributes, 'tenfold.module': module }, fn)
}

/** Without what an app keeps in them: another module may have put it there. */
function userSessions(sessions: Sessions): UserSessions {
  return {
    list: async (userId) => (await sessions.list(userId)).map(({ data: _data, ...shown }) => shown),
    end: (userId, ref) => sessions.revokeListed(userId, ref),
    endAll: (userId, { except } = {}) => sessions.revokeAll(userId, except === undefined ? {} : { exceptRef: except }),
  }
}

function vaultOf(secretKeys: readonly string[], module: string): Vault {
  const keys = createSeal(secretKeys, 'values of modules')
  return {
    seal: (text) => keys.seal(module, text)!,
    open(sealed) {
      const text = keys.open(module, sealed)
      if (text === undefined) throw Sealed({ module })
      return text
    },
  }
}

type Fixed = Record<'db' | 'settings' | 'log' | 'span' | 'files' | 'sessions' | 'vault' | 'now', unknown> & {
  module: Module
}

class Context {
  readonly db: unknown
  readonly settings: unknown
  readonly log: unknown
  readonly span: unknown
  readonly files: unknown
  readonly sessions: unknown
  readonly vault: unknown
  readonly now: unknown
  readonly signal: AbortSignal
  readonly #module: Module
  readonly #calls: (module: Module, signal: AbortSignal) => unknown

  constructor(
    { module, db, settings, log, span, files, sessions, vault, now }: Fixed,
    signal: AbortSignal,
    calls: (module: Module, signal: AbortSignal) => unknown,
  ) {
    this.db = db
    this.settings = settings
    this.log = log
    this.span = span
    this.files = files
    this.sessions = sessions
    this.vault = vault
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
