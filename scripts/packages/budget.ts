/** What the published package may weigh, and what starting it may take. Whoever needs more raises it here, and knows that everyone
 *  downloads and waits for it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Packed } from './pack.ts'

/** Sizes in bytes. Starting is counted in files that Node.js loads: the same on a busy machine as on an idle one, unlike time. */
export const BUDGET = {
  size: 2_000_000,
  unpackedSize: 8_000_000,
  files: 2000,
  /** `tenfold --version`: what every command pays. */
  loadedByCommand: 40,
  /** `import 'tenfold'`: what every app and every test of one pays, with the packages that it needs. */
  loadedByImport: 1300,
}

/** What is too much, one sentence each. */
export function overBudget({ size, unpackedSize, files }: Pick<Packed, 'size' | 'unpackedSize' | 'files'>): string[] {
  const weighed = { size, unpackedSize, files: files.length }
  return Object.entries(weighed)
    .filter(([what, value]) => value > BUDGET[what as keyof typeof weighed])
    .map(([what, value]) => `${what} is ${value}, and may be ${BUDGET[what as keyof typeof weighed]}`)
}

/** A preload that says on standard error, at the end, how many files were loaded. */
const COUNT = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module'
import { writeSync } from 'node:fs'
let files = 0
registerHooks({ load: (url, context, next) => (files += url.startsWith('file:'), next(url, context)) })
process.on('exit', () => writeSync(2, 'files ' + files))`)}`

/** How many files Node.js loads for a program, in a folder where the package is installed. */
export async function filesLoaded(args: readonly string[], cwd: string): Promise<number> {
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', COUNT, ...args], { cwd })
  return Number(/files (\d+)$/.exec(stderr)?.[1])
}
