import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { messageOf, randomHex, systemClock } from '../../kernel/index.ts'
import { accountFor, type Account } from './account.ts'
import { EmbeddedBusy, EmbeddedFolderDenied } from './errors.ts'
import { isAlive, thisProcess, type ProcessId } from './process.ts'

/** The folder of one embedded server:
 *
 *    data/            what Postgres wrote; belongs to the account that runs it
 *    password         of the administrator, 0600
 *    server.json      the port and settings of the last start
 *    server.log       what the server said
 *    user-<pid>-*     one for each process that uses the server
 *    lock             held while somebody starts or stops it; names its holder, so that a dead one's lock can be taken */
export interface Home {
  folder: string
  data: string
  account: Account | undefined
}

export function openHome(dataDir: string): Home {
  const account = accountFor(dataDir)
  try {
    const made = mkdirSync(dataDir, { recursive: true })
    const folder = realpathSync(dataDir)
    // A borrowed account may pass through the folder on its way to data/, and do nothing else in it.
    if (made !== undefined) chmodSync(folder, account && !account.ownsFolder ? 0o711 : 0o700)
    if (made !== undefined && account?.ownsFolder) {
      for (const path of [made, folder]) chownSync(path, account.uid, account.gid)
    }
    const home = { folder, data: join(folder, 'data'), account }
    writePrivate(home, '.writable', '')
    rmSync(join(folder, '.writable'))
    return home
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error
    throw EmbeddedFolderDenied({ folder: dataDir, reason: messageOf(error) }, { cause: error })
  }
}

/** Writes a file that only we (and the folder's owner) can read, at once as a whole. */
export function writePrivate(home: Home, name: string, content: string): void {
  const fresh = join(home.folder, `${name}.${randomHex(4)}`)
  writeFileSync(fresh, content, { mode: 0o600, flag: 'wx' })
  giveToOwner(home, fresh)
  renameSync(fresh, join(home.folder, name))
}

export function readPrivate(home: Home, name: string): string | undefined {
  const path = join(home.folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

export function openLog(home: Home): number {
  const path = join(home.folder, 'server.log')
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 10_000_000) renameSync(path, `${path}.1`)
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600)
  giveToOwner(home, path)
  return file
}

function giveToOwner({ account }: Home, path: string): void {
  if (account?.ownsFolder) chownSync(path, account.uid, account.gid)
}

/** Runs `fn` while no other process starts or stops this server.
 *  Should two take over a dead holder's lock in the same instant, Postgres' own lock on the data still stops the second. */
export async function withLock<T>(home: Home, fn: () => Promise<T>, waitMs = 60_000): Promise<T> {
  const lock = join(home.folder, 'lock')
  const mine = `lock.${randomHex(4)}`
  const until = systemClock.elapsed() + waitMs
  writePrivate(home, mine, JSON.stringify(thisProcess()))
  try {
    while (!tryLink(join(home.folder, mine), lock)) {
      const holder = readProcess(lock)
      if (holder && !isAlive(holder)) takeAway(lock, holder)
      else if (systemClock.elapsed() > until) {
        throw EmbeddedBusy({ folder: home.folder, holder: `pid ${holder?.pid ?? 'unknown'}`, waitedMs: waitMs })
      } else await systemClock.sleep(20)
    }
    try {
      return await fn()
    } finally {
      rmSync(lock, { force: true })
    }
  } finally {
    rmSync(join(home.folder, mine), { force: true })
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function takeAway(lock: string, dead: ProcessId): void {
  const aside = `${lock}.${randomHex(4)}`
  try {
    renameSync(lock, aside)
  } catch {
    return // somebody else took it away
  }
  const taken = readProcess(aside)
  if (taken && (taken.pid !== dead.pid || taken.began !== dead.began)) tryLink(aside, lock) // it was a living one's: give it back
  rmSync(aside, { force: true })
}

function readProcess(path: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessId
  } catch {
    return undefined
  }
}

/** Signs this process in as a user of the server; returns the way to sign out. */
export function signIn(home: Home): () => void {
  const name = `user-${process.pid}-${randomHex(4)}`
  writePrivate(home, name, JSON.stringify(thisProcess()))
  return () => rmSync(join(home.folder, name), { force: true })
}

/** Processes that use the server now. Those that died without signing out are forgotten here. */
export function liveUsers(home: Home): number {
  let users = 0
  for (const name of readdirSync(home.folder)) {
    if (!name.startsWith('user-')) continue
    const user = readProcess(join(home.folder, name))
    if (user && isAlive(user)) users += 1
    else rmSync(join(home.folder, name), { force: true })
  }
  return users
}

export function closeQuietly(file: number): void {
  try {
    closeSync(file)
  } catch {
    return
  }
}
