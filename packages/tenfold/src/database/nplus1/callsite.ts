import { fileURLToPath } from 'node:url'
import { relative, sep } from 'node:path'
import type { CallSite } from './findings.ts'

const OWN = fileURLToPath(new URL('../../', import.meta.url))
const FRAME = /^\s*at (?:async )?(?:(?<name>.*?) \()?(?<file>(?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(?<line>\d+):\d+\)?$/

/** The innermost frame of the app's own code: not of Node, not of a package, not of tenfold. */
export function callSiteOf(stack: string | undefined, root = process.cwd()): CallSite | undefined {
  for (const line of stack?.split('\n') ?? []) {
    const { name, file, line: number } = FRAME.exec(line)?.groups ?? {}
    if (file === undefined || number === undefined) continue
    const path = file.startsWith('file:') ? fileURLToPath(file) : file
    if (path.includes(`${sep}node_modules${sep}`) || (path.startsWith(OWN) && !isTest(path))) continue
    const inside = relative(root, path)
    return {
      file: (inside.startsWith('..') ? path : inside).replaceAll(sep, '/'),
      line: Number(number),
      ...(name && !name.includes('<anonymous>') && { function: name }),
    }
  }
  return undefined
}

/** Tests beside our own code are users of it. */
function isTest(path: string): boolean {
  return /\.test\.[jt]s$/.test(path)
}
