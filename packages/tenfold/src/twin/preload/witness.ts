import { AsyncLocalStorage } from 'node:async_hooks'
import fs from 'node:fs'
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Asked, Effect, Orders, Place, Said } from '../evidence.ts'

/** What the code that runs right now belongs to. */
export interface Context {
  request?: { asked: Asked; answered: boolean }
  timer?: Place
  tick?: number
}

export interface Witness {
  say(said: Said): void
  /** As {@link say}, once only for each `key`. */
  sayOnce(key: string, said: Said): void
  readonly context: AsyncLocalStorage<Context>
  /** Runs what the preload itself does: it is no evidence. */
  quietly<T>(run: () => T): T
  readonly quiet: boolean
  /** The nearest line of the app's own code on the stack, the package that called us, and others on the way. */
  whence(): { at?: Place; package?: string; through: ReadonlySet<string> }
  /** Called with each effect while the clock is turned forward. */
  onEffect: ((effect: Effect) => void) | undefined
  /** The app's own file, or undefined for one of a package or of Node.js. */
  own(file: string): string | undefined
}

const OWN_FOLDER = import.meta.url.slice(0, import.meta.url.lastIndexOf('/') + 1)

export function createWitness(orders: Orders): Witness {
  const fd = fs.openSync(orders.file, 'a')
  const write = fs.writeSync
  const root = orders.root.endsWith(sep) ? orders.root : `${orders.root}${sep}`
  const context = new AsyncLocalStorage<Context>()
  const told = new Set<string>()
  let depth = 0

  const witness: Witness = {
    context,
    onEffect: undefined,
    say(said) {
      witness.quietly(() => void write(fd, `${JSON.stringify(said)}\n`))
      if (said.kind === 'effect') witness.onEffect?.(said.effect)
    },
    sayOnce(key, said) {
      if (told.has(key)) return
      told.add(key)
      witness.say(said)
    },
    quietly(run) {
      depth++
      try {
        return run()
      } finally {
        depth--
      }
    },
    get quiet() {
      return depth > 0
    },
    own(file) {
      if (!file.startsWith(root) || file.includes(`${sep}node_modules${sep}`)) return undefined
      return relative(root, file)
    },
    whence() {
      const through = new Set<string>()
      const by = (): { package?: string; through: Set<string> } => {
        const [first] = through
        return { ...(first && { package: first }), through }
      }
      for (const { file, line } of stack()) {
        const own = witness.own(file)
        if (own !== undefined) return { at: { file: own, line }, ...by() }
        const name = packageOf(file)
        if (name) through.add(name)
      }
      return by()
    },
  }
  return witness
}

/** Files and lines of the stack, innermost first, without Node.js and the preload. */
function stack(): { file: string; line: number }[] {
  const { prepareStackTrace, stackTraceLimit } = Error
  Error.stackTraceLimit = 40
  Error.prepareStackTrace = (_, sites) => sites
  const sites = new Error('where').stack as unknown as NodeJS.CallSite[]
  Error.prepareStackTrace = prepareStackTrace
  Error.stackTraceLimit = stackTraceLimit
  return sites.flatMap((site) => {
    const name = site.getFileName()
    if (!name || name.startsWith('node:') || name.startsWith(OWN_FOLDER)) return []
    return [{ file: name.startsWith('file:') ? fileURLToPath(name) : name, line: site.getLineNumber() ?? 0 }]
  })
}

/** `express-session` for a file in its folder. */
export function packageOf(file: string): string | undefined {
  const after = file.split(`node_modules${sep}`).at(-1)
  if (after === undefined || after === file) return undefined
  const [first = '', second = ''] = after.split(sep)
  return first.startsWith('@') ? `${first}/${second}` : first
}
