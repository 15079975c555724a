/** The servers under test and the one that loads them, each on a core of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Server {
  port: number
  /** CPU time of all its threads so far, in µs. */
  cpu(): number
  /** Resident memory in MB. */
  memory(): number
  stop(): Promise<void>
}

export const pinned = availableParallelism() >= 2 && spawnSync('taskset', ['-V']).status === 0

function start(
  core: number,
  file: string,
  env: Record<string, string>,
  stdio: ['pipe', 'pipe' | 'ignore', 'pipe'],
  node: string,
): ChildProcess {
  const program = fileURLToPath(new URL(file, import.meta.url))
  const [command, ...args] = [...(pinned ? ['taskset', '-c', String(core)] : []), node, program]
  return spawn(command!, args, { stdio, env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env } })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.stdin!.end()
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(timer)
}

export async function startServer(file: string, env: Record<string, string>, node = process.execPath): Promise<Server> {
  // Its access log goes to /dev/null: the cost of writing lines counts, that of reading them does not.
  const child = start(0, file, env, ['pipe', 'ignore', 'pipe'], node)
  let said = ''
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text
      const found = /listening on (\d+)/.exec(said)
      if (found) resolve(Number(found[1]))
    })
    child.once('exit', () => reject(new Error(`${file} ended before it listened:\n${said}`)))
  })
  const proc = `/proc/${child.pid}`
  return {
    port,
    cpu() {
      let nanoseconds = 0
      for (const task of readdirSync(`${proc}/task`)) {
        nanoseconds += Number(readFileSync(`${proc}/task/${task}/schedstat`, 'utf8').split(' ')[0])
      }
      return nanoseconds / 1000
    },
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`${proc}/status`, 'utf8'))?.[1]) / 1024,
    stop: () => stop(child),
  }
}

export interface Answers {
  done: number
  wrong: number
  ms: number
}

export interface Load {
  /** Where spans may be sent to. */
  collector: string
  run(slice: { port: number; cookies: string[]; ms: number }): Promise<Answers>
  stop(): Promise<void>
}

export async function startLoad(): Promise<Load> {
  const child = start(1, './load.program.ts', {}, ['pipe', 'pipe', 'pipe'], process.execPath)
  child.stderr!.pipe(process.stderr)
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('the load generator ended')
    return JSON.parse(value) as T
  }
  const { collector } = await next<{ collector: number }>()
  return {
    collector: `http://127.0.0.1:${collector}/v1/traces`,
    async run(slice) {
      child.stdin!.write(`${JSON.stringify(slice)}\n`)
      return next<Answers>()
    },
    stop: () => stop(child),
  }
}
