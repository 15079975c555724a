/** Reads the declarations of the framework from its sources, with their comments: what a door exports, and where that stands. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync, type Comment, type Statement } from 'oxc-parser'

/** One exported name. */
export interface Exported {
  name: string
  /** All declarations of the name: more than one for overloads. */
  declarations: Declaration[]
  /** The package that it comes from, if it is not ours. */
  from?: string
}

export interface Declaration {
  /** Without `export`. */
  node: Statement
  file: SourceFile
  /** The text of the comment before it, `''` when there is none. */
  comment: string
}

export interface SourceFile {
  path: string
  text: string
  body: readonly Statement[]
  comments: readonly Comment[]
}

export interface Reader {
  /** What the comment at the top of a file says. */
  about(path: string): string
  /** Everything that a file exports, followed to where it is declared. */
  exportsOf(path: string): Exported[]
  /** What a name means inside of a file: declared there or imported from another one of ours. */
  find(name: string, file: SourceFile): Exported | undefined
}

export function createReader(): Reader {
  const files = new Map<string, SourceFile>()
  const read = (path: string): SourceFile => {
    const known = files.get(path)
    if (known) return known
    const text = readFileSync(path, 'utf8')
    const { program, comments, errors } = parseSync(path, text)
    if (errors.length > 0) throw new Error(`${path} cannot be read: ${errors[0]!.message}`)
    const file = { path, text, body: program.body as Statement[], comments }
    files.set(path, file)
    return file
  }

  const exportsOf = (path: string): Exported[] => {
    const file = read(path)
    const found: Exported[] = []
    for (const statement of file.body) {
      if (statement.type === 'ExportAllDeclaration') {
        const target = resolve(path, statement.source.value)
        if (target) found.push(...exportsOf(target))
      } else if (statement.type === 'ExportNamedDeclaration') {
        if (statement.declaration) found.push(...declared(statement.declaration as Statement, statement.start, file))
        else found.push(...statement.specifiers.map((one) => followed(one, statement.source?.value, file)))
      }
    }
    return joinOverloads(found)
  }

  /** `export { a as b } from './c.ts'`, and the same for what was imported before. */
  const followed = (
    specifier: { local: { type: string; name?: string; value?: string }; exported: { name?: string; value?: string } },
    source: string | undefined,
    file: SourceFile,
  ): Exported => {
    const local = specifier.local.name ?? specifier.local.value!
    const name = specifier.exported.name ?? specifier.exported.value!
    const from = source ?? importOf(local, file)
    if (from === undefined) return { name, declarations: declaredIn(file, local)?.declarations ?? [] }
    const target = resolve(file.path, from)
    if (!target) return { name, declarations: [], from }
    const found = exportsOf(target).find((one) => one.name === local)
    if (!found) throw new Error(`${file.path} exports ${local}, which ${from} does not have`)
    return { ...found, name }
  }

  const find = (name: string, file: SourceFile): Exported | undefined => {
    const target = resolve(file.path, importOf(name, file) ?? '')
    return declaredIn(file, name) ?? (target ? exportsOf(target).find((one) => one.name === name) : undefined)
  }
  const about = (path: string): string => {
    const { text, comments } = read(path)
    return comments[0] && text.slice(0, comments[0].start).trim() === '' ? textOf(comments[0]) : ''
  }
  return { about, exportsOf, find }
}

function declaredIn(file: SourceFile, name: string): Exported | undefined {
  const all = file.body.flatMap((statement) => {
    const inner = statement.type === 'ExportNamedDeclaration' ? (statement.declaration as Statement | null) : statement
    return inner ? declared(inner, statement.start, file) : []
  })
  return joinOverloads(all).find((one) => one.name === name)
}

function importOf(local: string, file: SourceFile): string | undefined {
  for (const statement of file.body) {
    if (statement.type !== 'ImportDeclaration') continue
    if (statement.specifiers.some((one) => one.local.name === local)) return statement.source.value
  }
  return undefined
}

function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const path = join(dirname(from), specifier)
  return existsSync(path) ? path : undefined
}

function declared(node: Statement, start: number, file: SourceFile): Exported[] {
  const declaration = { node, file, comment: commentBefore(start, file) }
  switch (node.type) {
    case 'VariableDeclaration':
      return node.declarations.flatMap(({ id }) =>
        id.type === 'Identifier' ? [{ name: id.name, declarations: [declaration] }] : [],
      )
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
    case 'ClassDeclaration':
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return [{ name: node.id!.name, declarations: [declaration] }]
    default:
      return []
  }
}

/** Overloads, and a type and a value of one name, are one thing to their readers. */
function joinOverloads(found: readonly Exported[]): Exported[] {
  const byName = Map.groupBy(found, ({ name }) => name)
  return [...byName.values()].map((same) => {
    const declarations = [...new Map(same.flatMap((one) => one.declarations).map((one) => [one.node, one])).values()]
    const overloads = declarations.filter(({ node }) => node.type === 'TSDeclareFunction')
    return {
      ...same[0]!,
      declarations:
        overloads.length > 0 ? declarations.filter(({ node }) => node.type !== 'FunctionDeclaration') : declarations,
    }
  })
}

/** The documentation comment that ends right before `start`. */
export function commentBefore(start: number, { text, comments }: SourceFile): string {
  const comment = comments.findLast((one) => one.end <= start)
  return comment && text.slice(comment.end, start).trim() === '' ? textOf(comment) : ''
}

function textOf(comment: Comment): string {
  if (comment.type !== 'Block' || !comment.value.startsWith('*')) return ''
  return comment.value
    .slice(1)
    .split('\n')
    .map((line, i) => (i === 0 ? line.trimStart() : line.replace(/^\s*\* {0,2}/, '')))
    .join('\n')
    .trim()
}
