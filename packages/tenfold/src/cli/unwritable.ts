import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { Unwritable } from './errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EEXIST: 'a file of that name is in the way',
  ENOTDIR: 'a file is in the way where a folder should be',
}

/** What the file system said to a command that wanted to write, in words; anything else as it is. */
export function inWords(error: unknown): unknown {
  const { code, syscall, path, dest } = (error ?? {}) as NodeJS.ErrnoException & { dest?: string }
  if (!code || !path || !/^(mkdir|open|write|rename|copyfile)$/.test(syscall ?? '')) return error
  if (/^(open|copyfile)$/.test(syscall!) && readingSays(path) === code) return error
  const reason = REASONS[code === 'ENOENT' && syscall === 'mkdir' ? whyNotBelow(path) : code]
  return reason === undefined ? error : Unwritable({ path: dest ?? path, reason }, { cause: error })
}

/** Files are opened to be read, too, and the error does not say which it was: what reading says as well, writing need not have. */
function readingSays(path: string): string | undefined {
  try {
    // A pipe that nobody writes to is not waited for.
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

/** `mkdir` with its parents says ENOENT on a read-only disk, whose folders are there. */
function whyNotBelow(path: string): string {
  const parent = dirname(path)
  if (!existsSync(parent)) return ''
  try {
    accessSync(parent, constants.W_OK)
    return ''
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? ''
  }
}
