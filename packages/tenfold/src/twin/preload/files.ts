import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Witness } from './witness.ts'

const WRITES = [
  'writeFile',
  'writeFileSync',
  'appendFile',
  'appendFileSync',
  'createWriteStream',
  'mkdtemp',
  'mkdtempSync',
]
const READS = ['readFile', 'readFileSync', 'createReadStream', 'stat', 'statSync', 'access', 'accessSync', 'exists']
const READS_TOO = ['existsSync', 'readdir', 'readdirSync', 'lstat', 'lstatSync']
/** Their second path is the one that is written. */
const MOVES = ['rename', 'renameSync', 'copyFile', 'copyFileSync']
const OPENS = ['open', 'openSync']

type Any = Record<string, ((...args: unknown[]) => unknown) | undefined>

/** Sees which files are written and read while requests are answered. */
export function watchFiles(witness: Witness): void {
  const note = (op: 'write' | 'read', given: unknown): void => {
    const path = pathOf(given)
    const { request, timer } = witness.context.getStore() ?? {}
    if (witness.quiet || path === undefined || path.includes('/node_modules/')) return
    if (op === 'read' && !request) return
    const { at = timer } = witness.whence()
    const asked = request?.asked
    witness.sayOnce(`${op} ${path} ${asked?.step} ${asked?.path} ${at?.file}:${at?.line}`, {
      kind: 'file',
      op,
      path,
      ...(at && { at }),
      ...(asked && { during: asked }),
    })
  }
  for (const module of [fs, fs.promises] as unknown as Any[]) {
    watch(module, WRITES, (args) => note('write', args[0]))
    watch(module, [...READS, ...READS_TOO], (args) => note('read', args[0]))
    watch(module, MOVES, (args) => {
      note('read', args[0])
      note('write', args[1])
    })
    watch(module, OPENS, (args) => note(isForWriting(args[1]) ? 'write' : 'read', args[0]))
  }
  syncBuiltinESMExports()
}

function watch(module: Any, names: readonly string[], note: (args: unknown[]) => void): void {
  for (const name of names) {
    const original = module[name]
    if (!original) continue
    const watched = function (this: unknown, ...args: unknown[]): unknown {
      note(args)
      return Reflect.apply(original, this, args)
    }
    // `util.promisify(fs.exists)` and the like find their own form on the function.
    module[name] = Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original))
  }
}

function isForWriting(flags: unknown): boolean {
  if (typeof flags === 'number') return (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0
  return typeof flags === 'string' && /[wa+]/.test(flags)
}

function pathOf(given: unknown): string | undefined {
  if (typeof given === 'string') return resolve(given)
  if (given instanceof URL) return given.protocol === 'file:' ? fileURLToPath(given) : undefined
  return Buffer.isBuffer(given) ? resolve(String(given)) : undefined
}
