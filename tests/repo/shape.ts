import { basename } from 'node:path/posix'
import { Visitor } from 'oxc-parser'
import type { Law } from './law.ts'
import { isTestCode, lineAt, type Program, type Source, sourcesIn } from './source.ts'

const EVERYWHERE = ['packages', 'examples', 'tests', 'bench', 'proofs', 'stages', 'scripts']
/** What runs inside an app, where two apps may live in one process. */
const IN_PROCESS = ['packages/tenfold/src', 'examples']

const LINES = { source: 600, test: 800 }
const isGenerated = (path: string): boolean => /\.gen\.ts$|\/generated\//.test(path)

export const sizes: Law = {
  name: 'no file grows past the size that is read as a whole',
  why: 'A file past 600 lines is the one that everybody edits and nobody reads. Split it by responsibility, not by length.',
  atLeast: 100,
  judge(tree) {
    const files = [...tree].filter(
      ([path]) => /\.(tsx?|js|css)$/.test(path) && EVERYWHERE.some((folder) => path.startsWith(`${folder}/`)),
    )
    const faults = files.flatMap(([path, text]) => {
      const lines = text.split('\n').length - 1
      const limit = isTestCode(path) ? LINES.test : LINES.source
      return lines > limit && !isGenerated(path) ? [`${path} has ${lines} lines; the law is ${limit}`] : []
    })
    return { seen: files.length, faults }
  },
}

const SAY_NOTHING = /^(utils?|common|helpers?|misc|stuff)$/

export const names: Law = {
  name: 'no file or folder is named by what kind of code it holds',
  why: 'A drawer that everything fits into is where everything ends up. Name the responsibility, or put it beside its only use.',
  atLeast: 100,
  judge(tree) {
    const paths = [...tree.keys()].filter((path) => EVERYWHERE.some((folder) => path.startsWith(`${folder}/`)))
    const parts = new Set(paths.flatMap((path) => path.split('/').map((_, i, all) => all.slice(0, i + 1).join('/'))))
    const faults = [...parts].filter((path) => SAY_NOTHING.test(basename(path).replace(/\..*$/, '')))
    return { seen: paths.length, faults: faults.map((path) => `${path} says nothing about what it does`) }
  },
}

export const noHiddenState: Law = {
  name: 'no module keeps state or does anything when it is imported',
  why: 'Tests and the twin run several apps in one process: with state in a module two instances are secretly one. Hang it on the app.',
  atLeast: 60,
  judge(tree) {
    const sources = sourcesIn(tree, ...IN_PROCESS).filter((source) => !isTestCode(source.path))
    return { seen: sources.length, faults: sources.flatMap((source) => hiddenState(source)) }
  },
}

function hiddenState({ path, text, program }: Source): string[] {
  const faults: string[] = []
  for (const statement of program.body) {
    const at = `${path}:${lineAt(text, statement.start)}`
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (declared?.type === 'VariableDeclaration' && declared.kind !== 'const' && !declared.declare) {
      faults.push(`${at} ${declared.kind} at the top of a module - hang it on an object that is passed in`)
    }
    if (ACTS.includes(statement.type) && !('directive' in statement && statement.directive) && !isProgram(path)) {
      faults.push(`${at} runs when it is imported - put it into a function that somebody calls`)
    }
  }
  return faults
}

const ACTS = [
  'ExpressionStatement',
  'IfStatement',
  'ForStatement',
  'ForOfStatement',
  'ForInStatement',
  'WhileStatement',
  'TryStatement',
  'BlockStatement',
  'SwitchStatement',
]

/** Files that are started, not imported: they say so in their name or their folder. */
const isProgram = (path: string): boolean =>
  /(^|[./-])(main|worker|child|program|start|seed|server)\.(ts|js)$|\/bin\/|\/scripts\//.test(path)

export const noDecorators: Law = {
  name: 'no decorators',
  why: 'The type checker accepts them and Node.js, which runs the sources with their types stripped, dies of them.',
  atLeast: 100,
  judge(tree) {
    const sources = sourcesIn(tree, ...EVERYWHERE).filter(({ path }) => !path.startsWith(COMPILED))
    return {
      seen: sources.length,
      faults: sources.flatMap((s) =>
        decorators(s.program).map((start) => `${s.path}:${lineAt(s.text, start)} has a decorator`),
      ),
    }
  },
}

/** An app of NestJS, which is made of them: it compiles itself. */
const COMPILED = 'examples/existing/nestjs/'

function decorators(program: Program): number[] {
  const found: number[] = []
  new Visitor({ Decorator: (node) => void found.push(node.start) }).visit(program)
  return found
}
