/** Imports that cross a module's boundary: of another module only its `contract.ts` may be imported, and only by a module
 *  that names it in `uses`. What the type checker cannot see is found here, what this cannot see is denied by Postgres. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Module } from '../modules/index.ts'

const IMPORT =
  /(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|import\s*\(\s*['"]([^'"]+)['"]\s*\)|import\s+['"]([^'"]+)['"]/g

/** One line for each illegal import: `file:line imports …`. `appFolder` is where `modules/` lies. */
export async function illegalImports(root: URL, modules: readonly Module[], appFolder: URL = root): Promise<string[]> {
  const base = fileURLToPath(root)
  const folders = new Map(modules.flatMap((module) => folderOf(module, appFolder)))
  const problems: string[] = []
  for (const module of modules) {
    const folder = folders.get(module.name)
    if (!folder) continue
    for (const file of await sourcesIn(folder)) {
      const text = withoutComments(await readFile(file, 'utf8'))
      for (const match of text.matchAll(IMPORT)) {
        const target = match[1] ?? match[2] ?? match[3]!
        if (!target.startsWith('.')) continue
        const problem = judge(module, file, resolve(dirname(file), target), folders)
        const line = text.slice(0, match.index + match[0].indexOf(target)).split('\n').length
        if (problem) problems.push(`${relative(base, file)}:${line} ${problem}`)
      }
    }
  }
  return problems
}

/** Beside its migrations, or by convention in `modules/<name>`. A module that is one with app.ts has no folder to guard. */
function folderOf({ name, migrations }: Module, appFolder: URL): [string, string][] {
  if (migrations) return [[name, resolve(fileURLToPath(migrations), '..')]]
  const usual = fileURLToPath(new URL(`modules/${name}`, appFolder))
  return existsSync(usual) ? [[name, usual]] : []
}

/** Comments become blanks, so that lines keep their numbers; what looks like a comment inside a string stays. */
function withoutComments(text: string): string {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g
  return text.replace(token, (found) => (/^\/[/*]/.test(found) ? found.replace(/[^\n]/g, ' ') : found))
}

function judge(module: Module, file: string, target: string, folders: ReadonlyMap<string, string>): string | undefined {
  for (const [name, folder] of folders) {
    if (name === module.name || !target.startsWith(`${folder}/`)) continue
    const inside = relative(folder, target)
    if (!/^contract\.[jt]s$/.test(inside))
      return `imports ${name}/${inside}; of another module only its contract.ts may be imported`
    if (!(name in module.uses)) return `imports the contract of '${name}', which is not in the uses of '${module.name}'`
  }
  return undefined
}

async function sourcesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}
