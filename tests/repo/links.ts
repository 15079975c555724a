import { dirname, join } from 'node:path/posix'
import { anchorMaker } from '../../packages/site/src/anchors.ts'
import type { Law } from './law.ts'
import { exists, type Tree } from './tree.ts'

/** A path in a guide may be meant from the root, from the page, from the framework's sources, or from an app's root. */
const MEANT_FROM = [
  '',
  'packages/tenfold',
  'packages/tenfold/src',
  'packages/console',
  'packages/console/src',
  'examples/shop',
  'examples/hello',
]

/** Made by running things; never in the repository. */
const MADE = /(^|\/)(node_modules|\.tenfold|\.peers|dist|coverage)(\/|$)/

const FILE = /^[\w.@-]+(\/[\w.@-]+)+\.(ts|tsx|js|json|md|sql|css|html|yml|sh)(:\d+)?$/

export const links: Law = {
  name: 'every link and every path in a page leads somewhere',
  why: 'A page that names a file which is gone is worse than no page: the reader believes it for an hour.',
  atLeast: 10,
  judge(tree) {
    const pages = [...tree].filter(([path]) => path.endsWith('.md'))
    const found = pages.flatMap(([path, text]) =>
      [...linksIn(text), ...pathsIn(text, tree)].map((link) => ({ path, ...link })),
    )
    return { seen: found.length, faults: found.flatMap((one) => faultOf(one, tree) ?? []) }
  },
}

interface Found {
  kind: 'link' | 'path'
  target: string
  line: number
}

function faultOf({ path, kind, target, line }: Found & { path: string }, tree: Tree): string | undefined {
  const at = `${path}:${line} ${kind === 'link' ? 'links to' : 'names'} ${target}`
  if (kind === 'path') {
    const plain = target.replace(/:\d+$/, '')
    const from = [...MEANT_FROM, dirname(path)]
    return MADE.test(plain) || from.some((root) => exists(tree, join(root, plain)))
      ? undefined
      : `${at} - there is no such file`
  }
  const [file = '', anchor] = target.split('#')
  const page = file === '' ? path : file.startsWith('/') ? file.slice(1) : join(dirname(path), decodeURIComponent(file))
  if (!exists(tree, page)) return `${at} - there is no such file`
  if (anchor === undefined || !page.endsWith('.md')) return undefined
  return anchorsIn(tree.get(page) ?? '').includes(anchor) ? undefined : `${at} - that page has no such heading`
}

function* linksIn(text: string): Generator<Found> {
  for (const { line, content } of prose(text)) {
    const withoutCode = content.replace(/`[^`]*`/g, (code) => ' '.repeat(code.length))
    for (const match of withoutCode.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+(\S+)/g)) {
      const target = match[1] ?? match[2] ?? ''
      if (!/^[a-z][a-z+.-]*:/i.test(target)) yield { kind: 'link', target, line }
    }
  }
}

/** Paths in backticks: files by their extension, folders by the slash at the end and a first part that exists. */
function* pathsIn(text: string, tree: Tree): Generator<Found> {
  for (const { line, content } of prose(text)) {
    for (const [, code = ''] of content.matchAll(/`([^`]+)`/g)) {
      const folder = /^[\w.@-]+\/([\w.@-]+\/)*$/.test(code) && exists(tree, code.split('/')[0] ?? '')
      if (FILE.test(code) || folder) yield { kind: 'path', target: code, line }
    }
  }
}

/** The lines that are not inside a fenced block. */
function* prose(text: string): Generator<{ line: number; content: string }> {
  let fence: string | undefined
  for (const [i, content] of text.split('\n').entries()) {
    const mark = /^\s*(```|~~~)/.exec(content)?.[1]
    if (mark && (fence === undefined || fence === mark)) fence = fence === undefined ? mark : undefined
    else if (fence === undefined) yield { line: i + 1, content }
  }
}

function anchorsIn(text: string): string[] {
  const headings = [...prose(text)].flatMap(({ content }) => /^#{1,6}\s+(.*?)\s*#*$/.exec(content)?.[1] ?? [])
  return headings.map(anchorMaker())
}
