import { spawn } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../kernel/index.ts'
import { identity, type Binaries } from './binaries.ts'
import { lastLines, placeOf } from './cluster.ts'
import { EmbeddedDiskFull, EmbeddedStartFailed, EmbeddedStartTimeout } from './errors.ts'
import { closeQuietly, openLog, type Home } from './home.ts'
import { began, isAlive, isPostmasterOf, processesIn, signal } from './process.ts'

export interface Running {
  pid: number
  port: number
  ready: boolean
}

/** The server of this data that runs now, whoever started it. */
export function findRunning(home: Home): Running | undefined {
  const lines = linesOf(lockOf(home))
  const pid = Number(lines?.[0])
  if (!lines || !isPostmasterOf(home.data, pid, home.account?.uid)) return undefined
  return { pid, port: Number(lines[3] ?? 0), ready: lines[7]?.trim() === 'ready' }
}

/** The number in a `postmaster.pid` that was left behind may belong to a stranger by now, or to a zombie, and Postgres would
 *  refuse to start. Replaced by a number that nobody has, and not removed: the rest of the file tells Postgres whether
 *  sessions of the dead server still run. */
function disarmStaleLock(home: Home): void {
  const lines = linesOf(lockOf(home))
  if (!lines || findRunning(home)) return
  const file = openSync(lockOf(home), constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW)
  writeSync(file, [NOBODY, ...lines.slice(1)].join('\n'))
  closeSync(file)
}

/** Above any process number that a kernel gives out. */
const NOBODY = 2_147_483_646

export interface LaunchOptions {
  home: Home
  binaries: Binaries
  /** Tried first; when it is taken, another one is. */
  port: number | undefined
  settings: Record<string, string>
  waitMs: number
}

/** Starts the server and waits until it takes connections. It is a process group of its own, so that Ctrl-C reaches the
 *  app alone, which then stops the server last; and it writes to a file, so that it can outlive the process that began it. */
export async function launch(options: LaunchOptions): Promise<Running> {
  const { home } = options
  const until = systemClock.elapsed() + options.waitMs
  disarmStaleLock(home)
  for (let attempt = 1; ; attempt++) {
    const port =
      attempt === 1 && options.port !== undefined && (await isFree(options.port)) ? options.port : await freePort()
    const end = await launchOn(port, options)
    if (typeof end !== 'string') return end
    const taken = /could not (bind|create any TCP)|Address already in use/.test(end)
    if (taken && attempt < 5) continue // taken between our look and its
    if (end.includes('pre-existing shared memory block') && systemClock.elapsed() < until) {
      // The postmaster was killed, its sessions have not noticed yet: no second server may write beside them.
      for (const pid of processesIn(home.data, home.account?.uid)) signal(pid, 'SIGQUIT')
      await systemClock.sleep(100)
      continue
    }
    if (end.includes('No space left on device')) throw EmbeddedDiskFull({ dataDir: home.folder })
    throw EmbeddedStartFailed({ dataDir: home.folder, log: lastLines(end, 12) })
  }
}

/** The running server, or the log of one that ended at once. */
async function launchOn(port: number, { home, binaries, settings, waitMs }: LaunchOptions): Promise<Running | string> {
  const { cwd, argument } = placeOf(home.data, home.account)
  const args = ['-D', argument, '-p', String(port)]
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`)
  const log = openLog(home)
  const before = logOf(home).length
  const child = spawn(binaries.postgres, args, {
    ...identity(home.account),
    cwd,
    env: binaries.env,
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeQuietly(log)
  child.unref()
  let ended: string | undefined
  child.on('error', (error) => (ended = error.message))
  child.on('exit', (status, by) => (ended = `ended with ${by ?? `status ${status}`}`))

  const from = systemClock.elapsed()
  while (ended === undefined) {
    const running = findOwn(home, child.pid)
    if (running?.ready) return running
    const waitedMs = Math.round(systemClock.elapsed() - from)
    if (waitedMs > waitMs) {
      child.kill('SIGQUIT')
      throw EmbeddedStartTimeout({ dataDir: home.folder, waitedMs, log: lastLines(logOf(home).slice(before), 12) })
    }
    await systemClock.sleep(10)
  }
  return logOf(home).slice(before) || ended
}

function findOwn(home: Home, pid: number | undefined): Running | undefined {
  const lines = linesOf(lockOf(home))
  if (pid === undefined || Number(lines?.[0]) !== pid) return undefined
  return { pid, port: Number(lines?.[3]), ready: lines?.[7]?.trim() === 'ready' }
}

/** Waits for a server that somebody else began to start, for example one that replays its log after a crash. */
export async function untilReady(home: Home, waitMs: number): Promise<Running | undefined> {
  const until = systemClock.elapsed() + waitMs
  for (;;) {
    const running = findRunning(home)
    if (!running || running.ready || systemClock.elapsed() > until) return running
    await systemClock.sleep(20)
  }
}

/** Ends the server: open transactions are rolled back and a checkpoint is written. Past the deadline it is stopped as if
 *  the power had gone, which loses nothing that was committed. */
export async function shutDown(home: Home, pid: number, deadlineMs = 10_000): Promise<void> {
  const server = { pid, began: began(pid) }
  for (const [name, waitMs] of [
    ['SIGINT', deadlineMs],
    ['SIGQUIT', 6_000],
    ['SIGKILL', 2_000],
  ] as const) {
    if (!isPostmasterOf(home.data, pid, home.account?.uid)) return
    signal(pid, name)
    const until = systemClock.elapsed() + waitMs
    while (systemClock.elapsed() < until) {
      if (!isAlive(server)) return
      await systemClock.sleep(10)
    }
  }
}

function lockOf(home: Home): string {
  return join(home.data, 'postmaster.pid')
}

function linesOf(file: string): string[] | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return undefined
  }
}

function logOf(home: Home): string {
  return readFileSync(join(home.folder, 'server.log'), 'utf8')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
