/** One process of an app, from its start to its end. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { ProcessNotReady } from './errors.ts'
import { type FromProcess, type Ready, type SocketUse, type ToProcess, variablesFor } from './messages.ts'
import type { ListeningSocket } from './sockets.ts'

export interface ProcessSpec {
  /** `web-1`. */
  name: string
  /** The program and what comes behind it: `[…/tenfold.js, 'start', '--only', 'web']`. */
  args: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  sockets: Readonly<Partial<Record<SocketUse, ListeningSocket>>>
  readyTimeoutMs: number
  stopTimeoutMs: number
  /** Lines that it prints on standard error; standard output it has from us. */
  onError: (line: string) => void
}

export interface AppProcess {
  readonly pid: number | undefined
  /** Rejects with TF_PROCESS_NOT_READY when it ends before, or takes longer than `readyTimeoutMs`. */
  readonly ready: Promise<Ready>
  /** Resolves to how it ended: `code 1`, `SIGKILL`. */
  readonly ended: Promise<string>
  /** Lets it finish what runs. `retire` when a successor has its place: it stays healthy to the last, since what a load
   *  balancer asks through this port is whether the app is there. Killed after `stopTimeoutMs`. */
  stop(how: 'stop' | 'retire'): Promise<void>
}

export function launch(spec: ProcessSpec): AppProcess {
  const uses = Object.keys(spec.sockets) as SocketUse[]
  const child = spawn(process.execPath, spec.args, {
    cwd: spec.cwd,
    env: { ...spec.env, ...variablesFor(spec.name, uses) },
    stdio: ['ignore', 'inherit', 'pipe', ...uses.map((use) => spec.sockets[use]!.fd()), 'ipc'],
    // A session of its own: Ctrl-C is for the supervisor, which says in which order things end.
    detached: true,
  })
  createInterface({ input: child.stderr! }).on('line', spec.onError)

  let spawnFailed: Error | undefined
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`))
    child.once('error', (error) => {
      spawnFailed = error
      resolve(error.message)
    })
  })
  const ready = new Promise<Ready>((resolve, reject) => {
    const fail = (why: string): void => reject(ProcessNotReady({ process: spec.name, why }))
    const timer = setTimeout(() => {
      fail(`it took longer than ${Math.round(spec.readyTimeoutMs / 1000)} s`)
      child.kill('SIGKILL')
    }, spec.readyTimeoutMs)
    child.on('message', (message: FromProcess) => {
      if (message?.tenfold !== 'ready') return
      clearTimeout(timer)
      resolve(message.ready)
    })
    void ended.then((how) => {
      clearTimeout(timer)
      fail(`it ended with ${how}`)
    })
  })
  // Whoever waits for it sees the failure; that nobody waits any more is none.
  ready.catch(() => {})

  return {
    pid: child.pid,
    ready,
    ended,
    async stop(how) {
      if (spawnFailed) return
      const retire: ToProcess = { tenfold: 'retire' }
      if (how === 'retire' && child.connected) child.send(retire, () => {})
      else child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), spec.stopTimeoutMs)
      await ended
      clearTimeout(timer)
    },
  }
}
