import { createHash, type KeyObject } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Asked, Orders, Site } from '../evidence.ts'
import { createIdentities, describe, keysOf, print } from './fingerprint.ts'
import type { Witness } from './witness.ts'

export interface State {
  /** Called by the instrumented code. */
  readonly hooks: {
    cells(file: string, cells: [name: string, line: number, get: () => unknown][]): void
    object(
      object: object,
      fields: () => Record<string, unknown>,
      file: string,
      name: string,
      lines: Record<string, number>,
    ): void
  }
  /** The app has started: what stands in its variables now is where it begins. */
  begin(): void
  /** Says what has changed since the last look, and during which request. */
  look(during: Asked | undefined): void
  /** Looks whether a client names by its cookie or its token what is kept here. */
  sent(request: IncomingMessage): void
}

interface Cell {
  site: Site
  get(): unknown
  print: string
  words: string
}

/** A factory may be called often while an app starts. */
const MOST_PER_SITE = 20

export function createState(witness: Witness, { root, hostname, port }: Orders): State {
  const own = [root, process.env.TMPDIR ?? root, hostname, `:${port}`, String(process.pid)]

  const cells: Cell[] = []
  const identities = createIdentities()
  const perSite = new Map<string, number>()

  const started = { yes: false, asked: false }

  const read = (cell: Cell): { print: string; words: string } => {
    try {
      const value = cell.get()
      return { print: print(value, identities), words: describe(value) }
    } catch {
      // Not there yet, or a getter that throws.
      return { print: '', words: 'nothing' }
    }
  }
  const keep = (site: Site, get: () => unknown): void => {
    // What comes into being later belongs to a request or a job, and ends with it.
    if (started.asked || witness.context.getStore()?.request) return
    const name = `${site.file}:${site.line} ${site.name}`
    const count = (perSite.get(name) ?? 0) + 1
    perSite.set(name, count)
    if (count > MOST_PER_SITE) return
    const cell: Cell = { site, get, print: '', words: '' }
    if (started.yes) Object.assign(cell, read(cell))
    cells.push(cell)
  }
  return {
    hooks: {
      cells(file, list) {
        for (const [name, line, get] of list) keep({ file, line, name }, get)
      },
      object(object, fields, file, name, lines) {
        const weak = new WeakRef(object)
        const all = (): Record<string, unknown> => {
          const alive = weak.deref() as Record<string, unknown> | undefined
          return alive ? { ...alive, ...(typeof alive === 'object' && fields()) } : {}
        }
        for (const field of Object.keys(lines)) {
          keep({ file, line: lines[field] ?? 0, name: `${name}.${field}` }, () => all()[field])
        }
      },
    },
    begin() {
      if (started.yes) return
      started.yes = true
      for (const cell of cells) Object.assign(cell, read(cell))
      const values = cells.flatMap(({ site, get }) => {
        const digest = digestOf(get, own)
        return digest ? [{ site, digest }] : []
      })
      if (values.length > 0) witness.say({ kind: 'values', values })
    },
    look(during) {
      if (!started.yes) return
      started.asked = true
      for (const cell of cells) {
        const now = read(cell)
        if (now.print === cell.print) continue
        const before = cell.words || 'nothing'
        Object.assign(cell, now)
        witness.say({ kind: 'state', site: cell.site, before, after: now.words, ...(during && { during }) })
      }
    },
    sent({ headers }) {
      const credentials = `${headers.cookie ?? ''} ${headers.authorization ?? ''}`
      if (!started.yes || credentials.length < 8) return
      const sent = decodeURIComponentSafely(credentials)
      for (const { site, get } of cells) {
        const keys = keysOf(get)
        if (keys.some((key) => key.length >= 6 && sent.includes(key))) {
          witness.sayOnce(`keyed ${site.file}:${site.line} ${site.name}`, { kind: 'keyed', site })
        }
      }
    },
  }
}

/** Of values that could be secrets: long strings, bytes, keys. Paths and names that we gave each instance differ anyway. */
function digestOf(get: () => unknown, own: readonly string[]): string | undefined {
  try {
    const value = get()
    if (typeof value === 'string' && own.some((name) => value.includes(name))) return undefined
    const bytes =
      typeof value === 'string' && value.length >= 16
        ? value
        : value instanceof Uint8Array && value.length >= 8
          ? value
          : (value as KeyObject | null)?.type === 'secret'
            ? (value as KeyObject).export()
            : undefined
    return bytes === undefined ? undefined : createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  } catch {
    return undefined
  }
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
