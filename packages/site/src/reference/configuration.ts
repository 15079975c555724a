/** The reference of the environment, from the file that reads it. */
import { readFileSync } from 'node:fs'
import { parseSync, Visitor, type Expression } from 'oxc-parser'
import { commentBefore, type SourceFile } from './declarations.ts'

export interface Variable {
  names: string[]
  /** How the code sees it: `databaseUrl: string | undefined`. */
  as: string
  about: string
  /** What is said of a value that does not fit. */
  must: string
}

export function configurationReference(path: string): string {
  const variables = variablesOf(path)
  const rows = variables.map(
    ({ names, about, must }) => `| ${names.map((name) => `\`${name}\``).join(', ')} | ${cell(about)} | ${cell(must)} |`,
  )
  return [
    '# Environment',
    'Made from the file that reads the environment. The [guide](../guide/configuration.md) says how it is meant; `tenfold check` lists everything that is wrong at once, as [TF_BAD_CONFIG](../errors/TF_BAD_CONFIG.md).',
    ['| variable | meaning and default | checked |', '| --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n')
}

/** Every variable of the platform: the members of `Environment` whose comments begin with a name in capitals. */
export function variablesOf(path: string): Variable[] {
  const text = readFileSync(path, 'utf8')
  const { program, comments } = parseSync(path, text)
  const file = { path, text, comments, body: program.body } as SourceFile
  const checks = checksIn(program)
  const found: Variable[] = []
  new Visitor({
    TSInterfaceDeclaration(node) {
      if (node.id.name !== 'Environment') return
      for (const member of node.body.body) {
        const comment = commentBefore(member.start, file)
        const [, names, about] = /^((?:[A-Z][A-Z_]+(?:, )?)+)(?:[.:,] *)([^]*)$/.exec(comment) ?? []
        if (!names) continue
        const all = names.split(', ').filter((name) => name !== '')
        const must = all.flatMap((name) => checks.get(name) ?? []).join('; ')
        found.push({ names: all, as: text.slice(member.start, member.end), about: about!, must })
      }
    },
  }).visit(program)
  return found
}

/** `read('PORT', portOf, 'must be a port number')`: the sentence for each variable. */
function checksIn(program: Parameters<Visitor['visit']>[0]): Map<string, string[]> {
  const checks = new Map<string, string[]>()
  new Visitor({
    CallExpression({ callee, arguments: args }) {
      if (callee.type !== 'Identifier' || callee.name !== 'read') return
      const [name, , problem] = args as (Expression | undefined)[]
      if (name?.type === 'Literal' && problem?.type === 'Literal')
        checks.set(String(name.value), [...(checks.get(String(name.value)) ?? []), String(problem.value)])
    },
  }).visit(program)
  return checks
}

function cell(text: string): string {
  return text
    .replace(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
    .replaceAll('<', '\\<')
}
