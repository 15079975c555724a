import { readFileSync } from 'node:fs'
import { type ModuleSource, registerHooks, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import { announce, HOOK, instrument } from './instrument.ts'
import type { State } from './state.ts'
import { keeperIn } from './stores.ts'
import { packageOf, type Witness } from './witness.ts'
import type { Kept, Place } from '../evidence.ts'

/** Lets the app's own modules, and the stores of popular packages, tell what they keep. */
export function watchModules(witness: Witness, state: State): void {
  const imports = new Map<string, Place>()
  const store = (keeps: Kept, name: string): void => {
    // Made by a framework on its own account, the line where the package is imported says more than where the app starts.
    const { at: made, through } = witness.whence()
    const imported = imports.get(name)
    const at = imported && (!made || through.size > 1) ? imported : made
    witness.sayOnce(`store ${keeps} ${name} ${at?.file}:${at?.line}`, {
      kind: 'store',
      keeps,
      package: name,
      ...(at && { at }),
    })
  }
  Object.defineProperty(globalThis, HOOK, { value: { ...state.hooks, store }, enumerable: false })

  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      if (!url.startsWith('file:')) return loaded
      const file = fileURLToPath(url.split('?')[0]!)
      const own = witness.own(file)
      const name = packageOf(file)
      const keeper = name === undefined ? undefined : keeperIn(name, file)
      if (own === undefined && !keeper) return loaded
      // Packages that name no type have no format yet: they are CommonJS.
      const format = loaded.format ?? 'commonjs'
      if (!/^(module|commonjs)(-typescript)?$/.test(format)) return loaded
      const typed = format.endsWith('-typescript')
      const given = textOf(loaded.source) ?? witness.quietly(() => readFileSync(file, 'utf8'))
      const text = typed ? stripTypeScriptTypes(given) : given
      const type = format.startsWith('module') ? 'module' : 'script'
      if (keeper) {
        const call = `store(${JSON.stringify(keeper.keeps)},${JSON.stringify(name)})`
        return { ...loaded, source: announce(text, keeper.name, call, type) }
      }
      const watched = instrument(text, own!, type)
      for (const [specifier, line] of watched.imports) {
        const imported = packageOf(`node_modules/${specifier}`)!
        if (!imports.has(imported)) imports.set(imported, { file: own!, line })
      }
      return { ...loaded, format: type === 'module' ? 'module' : 'commonjs', source: watched.source }
    },
  })
}

function textOf(source: ModuleSource | undefined): string | undefined {
  if (source === null || source === undefined || typeof source === 'string') return source ?? undefined
  return Buffer.from(source as Uint8Array).toString('utf8')
}
