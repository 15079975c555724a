import { type AnyNode, parse, type Program } from 'acorn'

/** Where the watched code finds the preload. */
export const HOOK = '__tenfoldTwin'

interface Insertion {
  at: number
  text: string
}

export interface Instrumented {
  source: string
  /** Packages that this file imports, with the line. */
  imports: Map<string, number>
}

/** Adds, without moving a line, closures that let us read the variables that live as long as the process: those of modules,
 *  those of functions that run while the app starts, and the fields of objects.
 *  Source that does not parse comes back as it is. */
export function instrument(source: string, file: string, type: 'module' | 'script'): Instrumented {
  const program = parsed(source, type)
  const imports = new Map<string, number>()
  if (!program) return { source, imports }
  const insertions: Insertion[] = []
  const lineOf = (node: AnyNode): number => node.loc?.start.line ?? 0
  const name = JSON.stringify(file)

  visit(program, (node) => {
    if (node.type === 'Program' || isFunctionBody(node)) {
      for (const statement of bodyOf(node)) {
        const names = variablesOf(statement)
        if (names.length === 0) continue
        const cells = names.map((one) => `[${JSON.stringify(one.name)},${lineOf(one.node)},()=>${one.name}]`)
        insertions.push({ at: statement.end, text: `;globalThis.${HOOK}?.cells(${name},[${cells.join(',')}]);` })
      }
    }
    if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') {
      const { fields, lines, statics } = fieldsOf(node)
      const object = `this,()=>({${fields.map((one) => `${JSON.stringify(one)}:this.${one}`).join(',')}})`
      const about = `${name},${JSON.stringify(node.id?.name ?? 'class')}`
      const ofClass = Object.keys(statics).length > 0
      const text =
        `#${HOOK}=globalThis.${HOOK}?.object(${object},${about},${JSON.stringify(lines)});` +
        (ofClass
          ? `static #${HOOK}s=globalThis.${HOOK}?.object(this,()=>({}),${about},${JSON.stringify(statics)});`
          : '')
      insertions.push({ at: node.body.start + 1, text })
    }
    const imported = importedBy(node)
    if (imported && !imports.has(imported)) imports.set(imported, lineOf(node))
  })
  return { source: insert(source, insertions), imports }
}

/** Adds a call to the constructor of a class or function of a package. */
export function announce(source: string, name: string, call: string, type: 'module' | 'script'): string {
  const program = parsed(source, type)
  const insertions: Insertion[] = []
  if (!program) return source
  visit(program, (node, parent) => {
    const named = ('id' in node && node.id?.type === 'Identifier' && node.id.name === name) || assigned(parent) === name
    if (!named) return
    const text = `globalThis.${HOOK}?.${call}`
    if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') {
      insertions.push({ at: node.body.start + 1, text: `#${HOOK}=${text};` })
    }
    if (node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression') {
      insertions.push({ at: node.body.start + 1, text: `${text};` })
    }
  })
  return insert(source, insertions)
}

function parsed(source: string, type: 'module' | 'script'): Program | undefined {
  try {
    return parse(source, {
      ecmaVersion: 'latest',
      sourceType: type,
      allowHashBang: true,
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: type === 'module',
      locations: true,
    })
  } catch {
    return undefined
  }
}

function insert(source: string, insertions: Insertion[]): string {
  let text = source
  for (const one of insertions.toSorted((a, b) => b.at - a.at))
    text = text.slice(0, one.at) + one.text + text.slice(one.at)
  return text
}

function visit(node: AnyNode, enter: (node: AnyNode, parent?: AnyNode) => void, parent?: AnyNode): void {
  enter(node, parent)
  for (const value of Object.values(node) as unknown[]) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof (child as AnyNode | null)?.type === 'string') visit(child as AnyNode, enter, node)
    }
  }
}

function isFunctionBody(node: AnyNode): boolean {
  return (
    (node.type === 'FunctionDeclaration' ||
      node.type === 'FunctionExpression' ||
      node.type === 'ArrowFunctionExpression') &&
    node.body.type === 'BlockStatement' &&
    !node.generator
  )
}

function bodyOf(node: AnyNode): AnyNode[] {
  if (node.type === 'Program') return node.body
  return 'body' in node && node.body && !Array.isArray(node.body) && node.body.type === 'BlockStatement'
    ? node.body.body
    : []
}

/** The variables that a statement declares, but for functions, classes and what is imported. */
function variablesOf(statement: AnyNode): { name: string; node: AnyNode }[] {
  const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
  if (declared?.type !== 'VariableDeclaration') return []
  return declared.declarations.flatMap((one) => {
    if (one.init && (isCode(one.init) || (declared.kind === 'const' && one.init.type === 'Literal'))) return []
    return one.id.type === 'Identifier' ? [{ name: one.id.name, node: one as AnyNode }] : []
  })
}

function isCode(node: AnyNode): boolean {
  if (node.type === 'AwaitExpression') return isCode(node.argument)
  if (node.type === 'ImportExpression' || node.type === 'ClassExpression') return true
  if (node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression') return true
  return node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === 'require'
}

interface Fields {
  fields: string[]
  lines: Record<string, number>
  statics: Record<string, number>
}

/** Declared fields, private ones too, and the line of each `this.x = …`. */
function fieldsOf(node: AnyNode): Fields {
  const fields: string[] = []
  const lines: Record<string, number> = {}
  const statics: Record<string, number> = {}
  if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return { fields, lines, statics }
  for (const member of node.body.body) {
    if (member.type !== 'PropertyDefinition' || member.computed) continue
    const name =
      member.key.type === 'PrivateIdentifier'
        ? `#${member.key.name}`
        : member.key.type === 'Identifier'
          ? member.key.name
          : ''
    if (!name || (member.value && isCode(member.value))) continue
    if (member.static) {
      statics[name] = member.loc?.start.line ?? 0
      continue
    }
    fields.push(name)
    lines[name] = member.loc?.start.line ?? 0
  }
  visit(node.body, (inner) => {
    if (inner.type !== 'AssignmentExpression' || inner.left.type !== 'MemberExpression') return
    const { object, property } = inner.left
    if (object.type === 'ThisExpression' && property.type === 'Identifier')
      lines[property.name] ??= inner.loc?.start.line ?? 0
  })
  return { fields, lines, statics }
}

function importedBy(node: AnyNode): string | undefined {
  if (node.type === 'ImportDeclaration') return String(node.source.value)
  const [first] = node.type === 'CallExpression' ? node.arguments : []
  const required = node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === 'require'
  return required && first?.type === 'Literal' ? String(first.value) : undefined
}

function assigned(parent: AnyNode | undefined): string | undefined {
  return parent?.type === 'VariableDeclarator' && parent.id.type === 'Identifier' ? parent.id.name : undefined
}
