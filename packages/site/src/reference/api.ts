/** The reference of the package: a page for each door, with every export, its signature, and what its comment says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commentBefore, createReader, type Declaration, type Exported, type Reader } from './declarations.ts'

export interface ApiPage {
  /** How it is imported: `tenfold/testing`. */
  door: string
  markdown: string
  /** Every export, for those who check that none is left out. */
  names: string[]
}

/** Reads the doors from the manifest of the package in `folder`. */
export function apiReference(folder: string): ApiPage[] {
  const reader = createReader()
  const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string
    exports: Record<string, string>
  }
  return Object.entries(exports)
    .filter(([, file]) => file.endsWith('.ts'))
    .map(([door, file]) => {
      const found = reader.exportsOf(join(folder, file))
      return {
        door: join(name, door),
        markdown: pageOf(join(name, door), found, reader.about(join(folder, file)), reader),
        names: found.map((one) => one.name),
      }
    })
}

/** Under which heading a declaration stands. */
const KINDS = {
  FunctionDeclaration: 'Functions',
  TSDeclareFunction: 'Functions',
  ClassDeclaration: 'Classes',
  VariableDeclaration: 'Values',
  TSInterfaceDeclaration: 'Types',
  TSTypeAliasDeclaration: 'Types',
} as Record<string, string>

function pageOf(door: string, found: readonly Exported[], about: string, reader: Reader): string {
  const errors = found.filter((one) => errorCodeOf(one) !== undefined)
  const foreign = found.filter((one) => one.from !== undefined)
  const own = found.filter((one) => !errors.includes(one) && !foreign.includes(one))
  const kinds = Map.groupBy(own, (one) => KINDS[one.declarations[0]?.node.type ?? ''] ?? 'Values')
  const example = (own.find((one) => /^[a-z]/.test(one.name)) ?? found[0])?.name
  return [
    `# ${door}`,
    'Made from the sources.',
    // A door without exports is there for what it does: `node --import tenfold/observe`.
    `\`\`\`ts\nimport ${example === undefined ? '' : `{ ${example} } from `}'${door}'\n\`\`\``,
    ...(about === '' ? [] : [words(about.replace(/^Ring \d+: (.)/, (_, first: string) => first.toUpperCase()))]),
    ...['Functions', 'Classes', 'Values', 'Types'].flatMap((kind) => section(kind, kinds.get(kind) ?? [])),
    ...section('Types behind these', typesBehind(own, reader)),
    ...(errors.length === 0 ? [] : ['## Errors', errorTable(errors)]),
    ...(foreign.length === 0 ? [] : ['## From other packages', foreignTable(foreign)]),
  ].join('\n\n')
}

function section(title: string, members: readonly Exported[]): string[] {
  return members.length === 0 ? [] : [`## ${title}`, ...members.map(describe)]
}

/** What people write or get as an argument; other types behind a signature are the inside of the framework. */
const WRITTEN = /(Options|Settings|Config|Context|Limit|Auth|Priority|Role)$/

/** Types that have no name outside and are needed all the same to call what has one, such as the options of a kit. */
function typesBehind(exported: readonly Exported[], { find }: Reader): Exported[] {
  const seen = new Set(exported.flatMap(({ declarations }) => declarations.map(({ node }) => node)))
  const behind: Exported[] = []
  const follow = (members: readonly Exported[]): void => {
    const next = members.flatMap(({ declarations }) =>
      declarations.flatMap((declaration) => {
        const names = new Set(signatureOf(declaration).match(/\b[A-Z]\w+/g))
        return [...names].flatMap((name) => (WRITTEN.test(name) ? (find(name, declaration.file) ?? []) : []))
      }),
    )
    const fresh = next.filter(({ declarations: [first] }) => {
      if (!first || seen.has(first.node) || KINDS[first.node.type] !== 'Types') return false
      seen.add(first.node)
      return true
    })
    behind.push(...fresh)
    if (fresh.length > 0) follow(fresh)
  }
  follow(exported)
  return behind.sort((a, b) => a.name.localeCompare(b.name))
}

function describe({ name, declarations }: Exported): string {
  const comments = [...new Set(declarations.map(({ comment }) => comment))].filter((comment) => comment !== '')
  const signature = declarations.map(signatureOf).join('\n')
  return [
    `### ${name}`,
    `\`\`\`ts\n${signature}\n\`\`\``,
    ...comments.map(words),
    ...declarations.flatMap((declaration) => membersOf(declaration)),
  ].join('\n\n')
}

/** The text of a declaration as its users need it: without bodies, comments and what is private. */
function signatureOf({ node, file }: Declaration): string {
  const cut = (start: number, end: number): string => withoutComments(file.text.slice(start, end)).trim()
  switch (node.type) {
    case 'FunctionDeclaration':
      return cut(node.start, node.body!.start).replace(/^async /, '')
    case 'ClassDeclaration': {
      const members = node.body.body.flatMap((member) => {
        if (member.type !== 'MethodDefinition' && member.type !== 'PropertyDefinition') return []
        if (member.key.type === 'PrivateIdentifier' || member.accessibility === 'private') return []
        const end = member.type === 'MethodDefinition' ? (member.value.body?.start ?? member.end) : member.end
        return [`  ${cut(member.start, end)}`]
      })
      return `${cut(node.start, node.body.start)} {\n${members.join('\n')}\n}`
    }
    case 'VariableDeclaration': {
      const { id, init } = node.declarations[0]!
      if (id.type === 'Identifier' && id.typeAnnotation) return `const ${cut(id.start, id.end)}`
      if (init?.type === 'ArrowFunctionExpression')
        return `const ${cut(id.start, init.body.start).replace(/\s*=>$/, '')}`
      const text = cut(node.start, node.end)
      return text.length <= 300 ? text : `const ${cut(id.start, id.end)}`
    }
    default:
      return cut(node.start, node.end)
  }
}

function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[^]*?\*\/[ \t]*\n/gm, '')
    .replace(/\/\*\*[^]*?\*\//g, '')
    .replace(/^\s*\/\/.*\n/gm, '')
}

/** What the comments of the members say: options with unit, default and edge. */
function membersOf({ node, file }: Declaration): string[] {
  const members =
    node.type === 'TSInterfaceDeclaration'
      ? node.body.body
      : node.type === 'TSTypeAliasDeclaration' && node.typeAnnotation.type === 'TSTypeLiteral'
        ? node.typeAnnotation.members
        : node.type === 'ClassDeclaration'
          ? node.body.body
          : []
  const said = members.flatMap((member) => {
    const comment = commentBefore(member.start, file)
    const key = 'key' in member ? file.text.slice(member.key.start, member.key.end) : ''
    return comment === '' || key === '' || key.startsWith('#') ? [] : [`**\`${key}\`**: ${words(comment)}`]
  })
  return said
}

/** A comment as Markdown: `@example` becomes code, codes of errors become links to their pages. */
function words(comment: string): string {
  const [text = '', ...examples] = comment.split(/^@example ?/m)
  const code = examples.map((example) => {
    const [first = '', ...rest] = example.split('\n')
    // An example may begin with what it shows, on the line of its mark.
    const titled = rest.length > 0 && first !== '' && !/[(){}=;'`]/.test(first)
    const body = (titled ? rest : [first, ...rest]).join('\n').trim()
    return `Example${titled ? `: ${first}` : ''}\n\n\`\`\`ts\n${body}\n\`\`\``
  })
  return [linked(escapeTags(text.trim())), ...code].filter((part) => part !== '').join('\n\n')
}

function linked(text: string): string {
  return text
    .replace(/(?<![`\w[])(TF_[A-Z_]+[A-Z])(?![\w`])/g, '[$1](../errors/$1.md)')
    .replace(/`(TF_[A-Z_]+[A-Z])`/g, '[`$1`](../errors/$1.md)')
}

/** Indented lists of promises stay as they are written; other tags read as words. */
function escapeTags(text: string): string {
  return text
    .replace(/^@(returns|throws|param) /gm, (_, tag: string) => `${tag[0]!.toUpperCase()}${tag.slice(1)}: `)
    .replace(/\{@link ([^}]+)\}/g, '`$1`')
}

function errorCodeOf({ declarations }: Exported): string | undefined {
  const node = declarations[0]?.node
  if (node?.type !== 'VariableDeclaration') return undefined
  const init = node.declarations[0]?.init
  if (init?.type !== 'CallExpression' || init.callee.type !== 'Identifier' || init.callee.name !== 'defineError')
    return undefined
  const [code] = init.arguments
  return code?.type === 'Literal' ? String(code.value) : undefined
}

function errorTable(errors: readonly Exported[]): string {
  const rows = errors.map((one) => `| \`${one.name}\` | [${errorCodeOf(one)}](../errors/${errorCodeOf(one)}.md) |`)
  return ['| name | code |', '| --- | --- |', ...rows].join('\n')
}

function foreignTable(foreign: readonly Exported[]): string {
  const rows = foreign.map(({ name, from }) => `| \`${name}\` | \`${from}\` |`)
  return ['| name | package |', '| --- | --- |', ...rows].join('\n')
}
