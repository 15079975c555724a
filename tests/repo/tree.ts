import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The repository as the laws see it: path to text. A planted tree in a test is the same thing, made by hand. */
export type Tree = ReadonlyMap<string, string>

const SKIPPED = ['node_modules', '.git', '.tenfold', '.peers', 'dist', 'assets', 'coverage']
const READ = ['ts', 'tsx', 'js', 'json', 'jsonc', 'md', 'sql', 'css', 'html', 'yml', 'sh']
const READ_WITHOUT_EXTENSION = ['.ci/run', 'scripts/setup', 'LICENSE']

export const repository: string = new URL('../..', import.meta.url).pathname

/** Every text file of the repository; other files are in the tree with no text, so that links to them can be checked. */
export function readTree(root: string = repository): Tree {
  const files = [...walk(root)].map((path) => path.slice(join(root, '/').length))
  return new Map(files.sort().map((path) => [path, isText(path) ? readFileSync(join(root, path), 'utf8') : '']))
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (SKIPPED.includes(entry.name)) continue
    if (entry.isDirectory()) yield* walk(join(folder, entry.name))
    else if (entry.isFile()) yield join(folder, entry.name)
  }
}

export function plant(files: Record<string, string>): Tree {
  return new Map(Object.entries(files))
}

/** True for a file, and for a folder that holds one. */
export function exists(tree: Tree, path: string): boolean {
  const plain = path.replace(/\/$/, '')
  if (plain === '' || plain === '.' || tree.has(plain)) return true
  for (const file of tree.keys()) if (file.startsWith(`${plain}/`)) return true
  return false
}

function isText(path: string): boolean {
  return READ_WITHOUT_EXTENSION.includes(path) || READ.includes(path.slice(path.lastIndexOf('.') + 1))
}
