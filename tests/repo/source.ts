import { dirname, join } from 'node:path/posix'
import { parseSync, type ParseResult } from 'oxc-parser'
import type { Tree } from './tree.ts'

export type Program = ParseResult['program']

/** One source file, as far as the laws care. */
export interface Source {
  path: string
  text: string
  program: Program
  imports: Import[]
}

export interface Import {
  /** As written: `../kernel/index.ts`, `pg`. */
  specifier: string
  /** The file in the tree, for a relative import; undefined for a package. */
  target: string | undefined
  line: number
}

const SOURCE = /\.(ts|tsx|js)$/

/** Parses every source file under one of the folders. A file that cannot be parsed is an error: nothing is skipped in silence. */
export function sourcesIn(tree: Tree, ...folders: string[]): Source[] {
  return [...tree]
    .filter(([path]) => SOURCE.test(path) && folders.some((folder) => path.startsWith(`${folder}/`)))
    .map(([path, text]) => parse(path, text))
}

function parse(path: string, text: string): Source {
  const { program, module, errors } = parseSync(path, text)
  if (errors[0]) throw new Error(`${path} cannot be parsed: ${errors[0].message}`)
  const written = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest)),
    ...module.dynamicImports.map((entry) => literal(text, entry.moduleRequest)),
  ]
  const imports = written.flatMap((request) => {
    if (!request) return []
    const target = request.value.startsWith('.') ? join(dirname(path), request.value) : undefined
    return [{ specifier: request.value, target, line: lineAt(text, request.start) }]
  })
  return { path, text, program, imports: [...new Map(imports.map((i) => [`${i.specifier}:${i.line}`, i])).values()] }
}

/** The specifier of `import('./x.ts')`; nothing when it is computed. */
function literal(text: string, range: { start: number; end: number }): { value: string; start: number } | undefined {
  const match = /^(['"`])([^$]*)\1$/.exec(text.slice(range.start, range.end))
  return match?.[2] === undefined ? undefined : { value: match[2], start: range.start }
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

/** Tests, contract suites and what they stand on: not part of what an app runs. */
export function isTestCode(path: string): boolean {
  return /\.(test|fixture)\.tsx?$/.test(path) || /(^|\/)(testing|fixtures)\//.test(path)
}
