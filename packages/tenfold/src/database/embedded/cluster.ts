import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { randomHex, secretToken } from '../../kernel/index.ts'
import { canReach, type Account } from './account.ts'
import { identity, type Binaries } from './binaries.ts'
import { EmbeddedDiskFull, EmbeddedInitFailed, EmbeddedOtherVersion } from './errors.ts'
import { readPrivate, writePrivate, type Home } from './home.ts'

export const ADMIN = 'postgres'

/** Where a server process finds its data: `cwd` to start in, `argument` to name it by.
 *  An account that may not walk down to the folder (below /root, say) is put inside it and calls it by its place. */
export function placeOf(data: string, account: Account | undefined): { cwd: string; argument: string } {
  const hidden = account !== undefined && process.platform === 'linux' && !canReach(account, data)
  return { cwd: data, argument: hidden ? '/proc/self/cwd' : data }
}

/** Makes sure that there is a whole set of data of our version, and that we have its password.
 *  It is made in a folder aside and renamed when done, so an interrupted attempt leaves nothing that looks whole. */
export async function ensureCluster(
  home: Home,
  binaries: Binaries,
  sync: boolean,
): Promise<{ made: boolean; password: string }> {
  forgetAttempts(home)
  const version = versionOf(home.data)
  const major = binaries.version.split('.')[0] ?? ''
  if (version !== undefined && version !== major) {
    throw EmbeddedOtherVersion({ dataDir: home.folder, found: version, expected: major })
  }
  const known = readPrivate(home, 'password')
  if (version !== undefined && known !== undefined) return { made: false, password: known }
  const password = secretToken()
  if (version === undefined) await makeCluster(home, binaries, password, sync)
  else await resetPassword(home, binaries, password)
  writePrivate(home, 'password', password)
  return { made: version === undefined, password }
}

/** The major version of the data; undefined when there is none, or when the folder is not whole. */
function versionOf(data: string): string | undefined {
  const whole = existsSync(join(data, 'global/pg_control'))
  return whole ? readFileSync(join(data, 'PG_VERSION'), 'utf8').trim() : undefined
}

function forgetAttempts(home: Home): void {
  for (const name of readdirSync(home.folder)) {
    if (name.startsWith('making-')) remove(join(home.folder, name))
  }
}

/** Tries again for a second: the initdb of a killed app may still be writing there. */
function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
}

async function makeCluster(home: Home, binaries: Binaries, password: string, sync: boolean): Promise<void> {
  const aside = join(home.folder, `making-${randomHex(4)}`)
  const data = join(aside, 'data')
  mkdirSync(data, { recursive: true, mode: 0o700 })
  writeFileSync(join(aside, 'password'), password, { mode: 0o600 })
  giveTo(home.account, aside, data, join(aside, 'password'))
  const { cwd, argument } = placeOf(data, home.account)
  const owner = ['-U', ADMIN, `--pwfile=${argument}/../password`, '--auth=scram-sha-256']
  const text = ['--encoding=UTF8', '--no-locale', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const args = ['-D', argument, ...owner, ...text, '--no-instructions', ...(sync ? [] : ['--no-sync'])]
  const { status, output } = await run(binaries.initdb, args, { cwd, binaries, account: home.account })
  if (status !== 0) {
    remove(aside)
    if (output.includes('No space left on device')) throw EmbeddedDiskFull({ dataDir: home.folder })
    throw EmbeddedInitFailed({ dataDir: home.folder, output: lastLines(output, 8) })
  }
  if (existsSync(home.data)) renameSync(home.data, join(home.folder, `broken-${randomHex(4)}`)) // not whole, yet not ours to delete
  renameSync(data, home.data)
  remove(aside)
}

/** The data is there but its password is not: set another one with the server in single-user mode, which asks for none. */
async function resetPassword(home: Home, binaries: Binaries, password: string): Promise<void> {
  const { cwd, argument } = placeOf(home.data, home.account)
  const statement = `alter role ${ADMIN} password '${password}'\n`
  const args = ['--single', '-D', argument, 'postgres']
  const { status, output } = await run(binaries.postgres, args, {
    cwd,
    binaries,
    account: home.account,
    input: statement,
  })
  if (status !== 0 || output.includes('ERROR'))
    throw EmbeddedInitFailed({ dataDir: home.folder, output: lastLines(output, 8) })
}

function giveTo(account: Account | undefined, ...paths: string[]): void {
  for (const path of paths) {
    if (account) chownSync(path, account.uid, account.gid)
    else if (basename(path) !== 'password') chmodSync(path, 0o700)
  }
}

interface RunOptions {
  cwd: string
  binaries: Binaries
  account: Account | undefined
  input?: string
}

function run(
  program: string,
  args: string[],
  { cwd, binaries, account, input = '' }: RunOptions,
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: binaries.env, ...identity(account) })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output }))
    child.stdin.on('error', () => {}) // it may end before it has read everything; its status says why
    child.stdin.end(input)
  })
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}

/** The major version of the data in a server's folder; undefined when there is none. */
export function versionOfData(dataDir: string): string | undefined {
  return versionOf(join(dataDir, 'data'))
}
