/** The processes that are killed, and their successors. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Moment {
  pid: number
  at: number
}

export interface Crew {
  /** Those that have started and live. */
  ready(): ChildProcess[]
  /** kill -9, and a new one in its place. */
  kill(child: ChildProcess): Promise<Moment>
  /** Asks all to stop, and waits; whoever takes longer than `ms` is killed. */
  stop(ms?: number): Promise<void>
  /** When which process said that it had lost its lease. */
  readonly leasesLost: readonly Moment[]
  /** Why they ended unasked: without its database, an instance does not start. */
  readonly complaints: readonly string[]
}

/** Hundreds of processes are started: they share what was compiled. */
const COMPILED = join(tmpdir(), 'tenfold-compiled')

/** `count` processes of `program`, kept at that number. */
export function startCrew(program: string, count: number, environment: (n: number) => Record<string, string>): Crew {
  const file = fileURLToPath(new URL(program, import.meta.url))
  const all = new Set<ChildProcess>()
  const ready = new Set<ChildProcess>()
  const leasesLost: Moment[] = []
  const complaints: string[] = []
  let started = 0
  let stopping = false

  const start = (): void => {
    const { PATH, NODE_COMPILE_CACHE = COMPILED } = process.env
    const own = { PATH, NODE_COMPILE_CACHE, NODE_ENV: 'production', LOG_LEVEL: 'error' }
    const env = { ...own, ...environment(started++) }
    const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'pipe'], env })
    all.add(child)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.startsWith('ready')) ready.add(child)
      if (text.includes('lost its lease')) leasesLost.push({ pid: child.pid!, at: Date.now() })
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.stdin.on('error', () => {}) // it was killed while we asked it to stop
    child.once('exit', (status, signal) => {
      all.delete(child)
      ready.delete(child)
      if (stopping || signal === 'SIGKILL') return
      const reason = /^\w*Error: .*$/m.exec(said)?.[0] ?? said.slice(0, 500)
      complaints.push(`${program} ended with ${signal ?? `status ${status}`}: ${reason}`)
      start()
    })
  }
  for (let n = 0; n < count; n++) start()

  return {
    ready: () => [...ready],
    leasesLost,
    complaints,
    async kill(child) {
      const ended = once(child, 'exit')
      const moment = { pid: child.pid!, at: Date.now() }
      child.kill('SIGKILL')
      ready.delete(child)
      start()
      await ended
      return moment
    },
    async stop(ms = 15_000) {
      stopping = true
      await Promise.all(
        [...all].map(async (child) => {
          const ended = once(child, 'exit')
          child.stdin!.end()
          const timer = setTimeout(() => child.kill('SIGKILL'), ms)
          await ended
          clearTimeout(timer)
        }),
      )
    },
  }
}
