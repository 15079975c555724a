import { basename } from 'node:path/posix'
import { Visitor } from 'oxc-parser'
import type { Law } from './law.ts'
import { isTestCode, lineAt, type Source, sourcesIn } from './source.ts'
import type { Tree } from './tree.ts'

const PAGES = 'docs/errors/'
const RETIRED = 'docs/errors/retired.json'

interface Defined {
  /** Undefined when it is not written as a plain string. */
  code: string | undefined
  at: string
}

/** A code that was removed. It stays in the list for ever, so that it never comes back with another meaning. */
interface Retired {
  code: string
  /** The first version without it. */
  since: string
  why: string
}

export const errorCodes: Law = {
  name: 'every error code is unique, permanent and explained',
  why: 'People paste a code into a search box. It has to lead to one page, and to the same meaning in every version.',
  atLeast: 30,
  judge(tree) {
    const defined = sourcesIn(tree, 'packages/tenfold/src')
      .filter((source) => !isTestCode(source.path))
      .flatMap((source) => definitionsIn(source))
    const retired = JSON.parse(tree.get(RETIRED) ?? '[]') as Retired[]
    return {
      seen: defined.length,
      faults: [...faultsOfCodes(defined, retired, tree), ...faultsOfPages(defined, retired, tree)],
    }
  },
}

function definitionsIn({ path, text, program }: Source): Defined[] {
  const found: Defined[] = []
  new Visitor({
    CallExpression(node) {
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'defineError') return
      const first = node.arguments[0]
      const code = first?.type === 'Literal' && typeof first.value === 'string' ? first.value : undefined
      found.push({ code, at: `${path}:${lineAt(text, node.start)}` })
    },
  }).visit(program)
  return found
}

function faultsOfCodes(defined: readonly Defined[], retired: readonly Retired[], tree: Tree): string[] {
  return defined.flatMap(({ code, at }, i) => {
    if (code === undefined) return `${at} the code has to be a plain string, so that it can be searched for`
    const first = defined.findIndex((other) => other.code === code)
    return [
      ...(/^TF_[A-Z0-9]+(_[A-Z0-9]+)*$/.test(code) ? [] : [`${at} ${code} is not of the form TF_WHAT_HAPPENED`]),
      ...(first < i ? [`${at} ${code} is defined before, at ${defined[first]?.at}`] : []),
      ...(retired.some((old) => old.code === code)
        ? [`${at} ${code} was retired and may not come back: take a new code`]
        : []),
      ...(tree.has(`${PAGES}${code}.md`) ? [] : [`${at} ${code} has no page ${PAGES}${code}.md`]),
    ]
  })
}

function faultsOfPages(defined: readonly Defined[], retired: readonly Retired[], tree: Tree): string[] {
  const codes = new Set([...defined, ...retired].map((one) => one.code))
  const pages = [...tree].filter(
    ([path]) => path.startsWith(PAGES) && path.endsWith('.md') && basename(path) !== 'README.md',
  )
  return pages.flatMap(([path, text]) => {
    const code = basename(path, '.md')
    return [
      ...(codes.has(code)
        ? []
        : [
            `${path} explains a code that nothing defines: remove the page, and list the code in ${RETIRED} if it was ever released`,
          ]),
      ...(/^# .*/.exec(text)?.[0].includes(code) ? [] : [`${path} has to begin with a heading that names ${code}`]),
      ...(text.trim().split('\n').length > 3
        ? []
        : [`${path} is empty: what happened, why, how to fix it, an example`]),
    ]
  })
}
