/** One process of the app under test, with a disk, a hostname and a clock of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { dirname, extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstanceEnded, InstanceNotReady } from './errors.ts'
import type { Command, Orders, Said } from './evidence.ts'
import type { Disk, Workspace } from './workspace.ts'

export interface Launch {
  command: readonly string[]
  name: string
  disk: Disk
  hostname: string
  skewMs: number
  env: Record<string, string | undefined>
  /** A path that answers below 400 once it is ready. */
  ready?: string
  readyWithinMs: number
}

export interface Instance {
  readonly name: string
  readonly disk: Disk
  readonly host: string
  readonly port: number
  /** Whether the preload runs in it. */
  readonly watched: boolean
  /** All that it has said so far. */
  said(): Said[]
  /** The last lines of its output. */
  output(): string
  /** Tells the preload to do something; resolves when it is done, or the process is gone. */
  tell(command: Omit<Extract<Command, { do: 'advance' }>, 'id'> | { do: 'release' }): Promise<void>
  signal(signal: 'SIGTERM' | 'SIGKILL'): void
  /** How it ended, if it did. */
  ended(): string | undefined
  stop(): Promise<void>
}

const PRELOAD = new URL(`./preload/preload.program${extname(import.meta.url)}`, import.meta.url).href
const LINES_KEPT = 40

export async function startInstance(workspace: Workspace, launch: Launch): Promise<Instance> {
  const { name, disk, hostname, skewMs } = launch
  const port = await freePort()
  const base = join(workspace.folder, `${name}-${port}`)
  const orders: Orders = { file: `${base}.said`, socket: `${base}.sock`, root: disk.root, port, hostname, skewMs }
  const commands = await openCommands(orders.socket)
  const child = run(launch, orders, join(workspace.folder, 'compiled'))
  const output = lastLinesOf(child)
  const exit = { how: undefined as string | undefined }
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => ((exit.how ??= error.message), resolve()))
    child.once('exit', (code, signal) => ((exit.how ??= signal ?? `code ${code}`), resolve()))
  })
  const said = (): Said[] => readSaid(orders.file)
  const group = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, signal)
    } catch {
      // It is gone already.
    }
  }
  const killAll = (): void => group('SIGKILL')
  process.once('exit', killAll)
  const stop = async (): Promise<void> => {
    group('SIGTERM')
    const quick = await Promise.race([ended.then(() => true), sleep(1500, false, { ref: false })])
    if (!quick) group('SIGKILL')
    await ended
    killAll()
    process.off('exit', killAll)
    commands.close()
  }
  const serving = (): number | undefined =>
    said().flatMap((one) => (one.kind === 'listen' && one.port === port ? one.pid : []))[0]

  try {
    const host = await ready(launch, port, exit, output, said)
    const main = await mainProcess(said, serving)
    return {
      name,
      disk,
      host,
      port,
      watched: main !== undefined,
      said,
      output,
      tell: (command) => (main === undefined ? Promise.resolve() : Promise.race([commands.tell(main, command), ended])),
      signal(signal) {
        if (signal === 'SIGKILL') return group('SIGKILL')
        if (main === undefined) return group('SIGTERM')
        process.kill(main, 'SIGTERM')
      },
      ended: () => exit.how,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The process that serves, if it is one of Node.js: it accepts connections a moment before it says so. */
async function mainProcess(said: () => Said[], serving: () => number | undefined): Promise<number | undefined> {
  if (!said().some(({ kind }) => kind === 'listen')) return undefined
  for (const until = performance.now() + 2000; serving() === undefined && performance.now() < until;) await sleep(5)
  return serving()
}

function run({ command, disk, env, hostname }: Launch, orders: Orders, cache: string): ChildProcess {
  const [program = '', ...args] = command.map((word) => word.replaceAll('{port}', String(orders.port)))
  const options = [env.NODE_OPTIONS, '--disable-warning=ExperimentalWarning', `--import=${PRELOAD}`].filter(Boolean)
  return spawn(program, args, {
    cwd: disk.root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      // The Node.js that runs this command, not whichever else is installed: the preload needs it.
      PATH: `${dirname(process.execPath)}:${env.PATH ?? ''}`,
      PORT: String(orders.port),
      HOSTNAME: hostname,
      TMPDIR: disk.temporary,
      NODE_OPTIONS: options.join(' '),
      // The same sources are compiled once for all runs.
      NODE_COMPILE_CACHE: env.NODE_COMPILE_CACHE ?? cache,
      TENFOLD_TWIN: JSON.stringify(orders),
    },
  })
}

async function ready(
  { command, ready: path, readyWithinMs }: Launch,
  port: number,
  exit: { how: string | undefined },
  output: () => string,
  said: () => Said[],
): Promise<string> {
  const until = performance.now() + readyWithinMs
  while (performance.now() < until) {
    if (exit.how !== undefined)
      throw InstanceEnded({ command: command.join(' '), how: exit.how, said: output(), evidence: said() })
    for (const host of ['127.0.0.1', '::1']) {
      if ((await accepts(host, port)) && (path === undefined || (await answers(host, port, path)))) return host
    }
    await sleep(10)
  }
  throw InstanceNotReady({ command: command.join(' '), port, seconds: readyWithinMs / 1000, said: output() })
}

async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function answers(host: string, port: number, path: string): Promise<boolean> {
  const at = host.includes(':') ? `[${host}]` : host
  const answer = await fetch(`http://${at}:${port}${path}`, { signal: AbortSignal.timeout(5000) }).catch(
    () => undefined,
  )
  await answer?.body?.cancel()
  return answer !== undefined && answer.status < 400
}

function lastLinesOf(child: ChildProcess): () => string {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > LINES_KEPT) lines.shift()
    })
  }
  return () => lines.slice(-12).join('\n')
}

function readSaid(file: string): Said[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  // The last piece is empty, or a line that is being written.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Said)
}

interface Commands {
  tell(pid: number, command: object): Promise<void>
  close(): void
}

/** Every Node.js process that the command starts connects; the one that serves is told what to do. */
async function openCommands(path: string): Promise<Commands> {
  const sockets = new Map<number, Socket>()
  const waiting = new Map<number, () => void>()
  let last = 0
  const server: Server = createServer((socket) => {
    // It ends with its process, and that may be killed at any time.
    const lines = createInterface({ input: socket }).on('error', () => {})
    socket.on('error', () => {})
    lines.on('line', (line) => {
      const { pid, done } = JSON.parse(line) as { pid?: number; done?: number }
      if (pid !== undefined) sockets.set(pid, socket)
      if (done !== undefined) waiting.get(done)?.()
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    tell: (pid, command) =>
      new Promise((resolve) => {
        const id = ++last
        waiting.set(id, resolve)
        const socket = sockets.get(pid)
        if (!socket) return resolve()
        socket.write(`${JSON.stringify({ ...command, id })}\n`)
      }),
    close() {
      server.close()
      for (const socket of sockets.values()) socket.destroy()
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
