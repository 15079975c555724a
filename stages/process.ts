/** One instance of an app, as a process of its own: what systemd keeps on a machine. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Part } from './plan.ts'

const PROGRAM = fileURLToPath(new URL('../packages/tenfold/bin/tenfold.js', import.meta.url))
const READY_WITHIN_MS = 120_000

export interface StageProcess {
  readonly name: string
  readonly part: Part
  /** Where it answers; only those that serve. */
  readonly url: string | undefined
  readonly running: boolean
  /** What it printed last. */
  printed(): string
  kill(): Promise<void>
  /** Resolves when it is ready. Does nothing while it runs. `more` are variables for this time. */
  start(more?: Readonly<Record<string, string>>): Promise<void>
  stop(): Promise<void>
}

export interface ProcessOptions {
  name: string
  part: Part
  /** The folder of the app. */
  folder: string
  port: number
  /** Another tenfold.config.ts than the one of the folder. */
  config?: string
  modules?: readonly string[]
  variables: Readonly<Record<string, string>>
}

export function stageProcess(options: ProcessOptions): StageProcess {
  const { name, part, folder, port, config, modules, variables } = options
  const url = part.roles.includes('web') ? `http://127.0.0.1:${port}` : undefined
  const args = [PROGRAM, 'start', '--only', part.roles.join()]
  if (modules) args.push('--modules', modules.join())
  if (config) args.push('--config', config)
  const { PATH = '', HOME = '' } = process.env
  // A worker has no port that could be asked: its log says that it is ready.
  const env = {
    PATH,
    HOME,
    NODE_ENV: 'production',
    PROCESSES: '1',
    ...variables,
    PORT: String(port),
    LOG_LEVEL: 'info',
  }
  const state = { child: undefined as ChildProcess | undefined, printed: '' }
  const runs = (): boolean => state.child?.exitCode === null && state.child.signalCode === null

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const { child } = state
    if (!child || !runs()) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    await ended
    clearTimeout(timer)
  }
  // However we go, it goes with us.
  process.once('exit', () => void (runs() && state.child?.kill('SIGKILL')))

  return {
    name,
    part,
    url,
    get running() {
      return runs()
    },
    printed: () => state.printed,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async start(more = {}) {
      if (runs()) return
      const child = (state.child = spawn(process.execPath, args, {
        cwd: folder,
        env: { ...env, ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      }))
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => {
          said = (said + String(data)).slice(-60_000)
          state.printed = said
        })
      const deadline = Date.now() + READY_WITHIN_MS
      while (!(url ? await ready(url) : said.includes('"ready"'))) {
        if (!runs()) throw new Error(`${name} has ended:\n${said.slice(-4000)}`)
        if (Date.now() > deadline) throw new Error(`${name} is not ready:\n${said.slice(-4000)}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
  }
}

function ready(url: string): Promise<boolean> {
  return fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5000) }).then(
    async (answer) => (await answer.body?.cancel(), answer.ok),
    () => false,
  )
}
