import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { spawnSync } from 'node:child_process'

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  pid: number
  /** When it began, in the kernel's own count; '' where that cannot be read. */
  began: string
}

export function thisProcess(): ProcessId {
  return { pid: process.pid, began: began(process.pid) }
}

/** True while it runs. A zombie, and another process that got the same number, do not count. */
export function isAlive({ pid, began: expected }: ProcessId): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const stat = procStat(pid)
  if (!stat) return true
  return stat.state !== 'Z' && (expected === '' || stat.began === expected)
}

export function began(pid: number): string {
  return procStat(pid)?.began ?? ''
}

/** Is this process a postmaster working in `dataDir`, run by `uid`? The test to pass before any signal is sent. */
export function isPostmasterOf(dataDir: string, pid: number, uid: number | undefined): boolean {
  if (!isAlive({ pid, began: '' })) return false
  if (process.platform === 'linux') {
    try {
      const owner = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      const program = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
      const place = readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '') // somebody may have removed the folder
      return program === 'postgres' && place === dataDir && (uid === undefined || Number(owner) === uid)
    } catch {
      return false
    }
  }
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.includes('postgres') && stdout.includes(dataDir)
}

/** Sends a signal; one who has just gone needs none. */
export function signal(pid: number, name: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Postgres processes of any kind that work in `dataDir`; none where /proc cannot be read. */
export function processesIn(dataDir: string, uid: number | undefined): number[] {
  if (process.platform !== 'linux') return []
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => isPostmasterOf(dataDir, pid, uid))
}

function procStat(pid: number): { state: string; began: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ') // the name before it may hold spaces and brackets
    return { state: fields[0] ?? '', began: fields[19] ?? '' }
  } catch {
    return undefined
  }
}
