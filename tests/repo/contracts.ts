import { Visitor } from 'oxc-parser'
import type { Law } from './law.ts'
import { type Source, sourcesIn } from './source.ts'
import type { Tree } from './tree.ts'

const SRC = 'packages/tenfold/src'

/** Folders inside a capability that hold an implementation of its contract, named by what the operator runs. */
const BACKENDS = ['postgres', 'memory', 'disk', 'redis', 's3', 'bullmq']

interface Contract {
  /** `describeQueueContract`. */
  name: string
  capability: string
  at: string
}

export const contracts: Law = {
  name: 'every backend runs the contract suite of its capability',
  why: 'A suite that nobody calls is green for ever, and a backend without it is only believed to do the same as the others.',
  atLeast: 5,
  judge(tree) {
    const sources = sourcesIn(tree, SRC)
    const suites = sources.filter((source) => /\/testing\//.test(source.path)).flatMap((source) => contractsOf(source))
    const tests = sources
      .filter((source) => source.path.endsWith('.test.ts'))
      .map((source) => ({ source, calls: callsIn(source) }))
    const faults = suites.flatMap((suite) => {
      const callers = tests.filter(({ calls }) => calls.has(suite.name)).map(({ source }) => source)
      if (callers.length === 0) return [`${suite.at} ${suite.name} is called by no test`]
      return backendsOf(suite.capability, tree)
        .filter((backend) => !callers.some((caller) => triesOut(caller, backend)))
        .map((backend) => `${backend} is not tried by ${suite.name}: call it in a test there`)
    })
    return { seen: suites.length, faults: [...faults, ...withoutSuite(tree, suites)] }
  },
}

function contractsOf({ path, program }: Source): Contract[] {
  const capability = path.slice(SRC.length + 1).split('/')[0] ?? ''
  return program.body.flatMap((statement) => {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : null
    const name = declared?.type === 'FunctionDeclaration' ? declared.id?.name : undefined
    return name && /^describe\w+Contract$/.test(name) ? [{ name, capability, at: path }] : []
  })
}

function callsIn({ program }: Source): Set<string> {
  const names = new Set<string>()
  new Visitor({
    CallExpression: (node) => void (node.callee.type === 'Identifier' && names.add(node.callee.name)),
  }).visit(program)
  return names
}

function backendsOf(capability: string, tree: Tree): string[] {
  return BACKENDS.map((name) => `${SRC}/${capability}/${name}`).filter((folder) =>
    [...tree.keys()].some((path) => path.startsWith(`${folder}/`) && path.endsWith('.ts')),
  )
}

/** A test tries a backend if it lies in its folder or imports from it. */
function triesOut(test: Source, backend: string): boolean {
  return test.path.startsWith(`${backend}/`) || test.imports.some((one) => one.target?.startsWith(`${backend}/`))
}

/** A capability with backends and no suite at all. */
function withoutSuite(tree: Tree, suites: readonly Contract[]): string[] {
  const capabilities = [
    ...new Set(
      [...tree.keys()]
        .filter((path) => path.startsWith(`${SRC}/`))
        .map((path) => path.slice(SRC.length + 1).split('/')[0] ?? ''),
    ),
  ]
  return capabilities
    .filter(
      (capability) =>
        backendsOf(capability, tree).length > 1 && !suites.some((suite) => suite.capability === capability),
    )
    .map((capability) => `${SRC}/${capability} has several backends and no contract suite in ${capability}/testing/`)
}
