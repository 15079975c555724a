/** Follows pages of the tutorial as a reader would, in an empty folder. */
import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { missingLine, readPage, type Step } from './page.ts'
import { openShell, type Shell } from './shell.ts'

export interface Followed {
  page: string
  commands: number
  outputs: number
  files: number
  seconds: number
}

export interface FollowOptions {
  folder: string
  /** What a command becomes here, and why; asked for each block of commands. */
  instead: (commands: string) => Promise<string> | string
  /** Ports of the pages at which a server listens already, and where that is here. The others are free ones. */
  ports?: ReadonlyMap<number, number>
  /** Run in the shell before the first page. */
  preamble?: string
  log: (line: string) => void
  signal: AbortSignal
}

/** What does not come within this time does not come: long, since machines may be slow. */
const PATIENCE_MS = 120_000

/** Ends at the first step that does not do what its page says: `failure` says which. */
export async function follow(
  pages: readonly string[],
  options: FollowOptions,
): Promise<{ followed: Followed[]; failure?: string }> {
  const shell = openShell(options.folder)
  const ports = new Map(options.ports)
  const followed: Followed[] = []
  try {
    if (options.preamble) await shell.run(options.preamble)
    const take = follower(shell, ports, options)
    for (const page of pages) {
      const { ports: wanted, steps } = readPage(readFileSync(page, 'utf8'))
      for (const port of wanted) if (!ports.has(port)) ports.set(port, await freePort())
      // In development the app looks for the next free port by itself, and the page would not know which.
      await shell.run(`export PORT=${ports.get(3000)} CONSOLE_PORT=${ports.get(4100)}\n`)
      const began = performance.now()
      for (const [i, step] of steps.entries()) {
        options.signal.throwIfAborted()
        await take(step, steps[i + 1], page)
      }
      const count = (kind: Step['kind']): number => steps.filter((step) => step.kind === kind).length
      followed.push({
        page: page.slice(page.lastIndexOf('/') + 1),
        commands: count('commands') + count('terminal'),
        outputs: count('output'),
        files: count('file'),
        seconds: Math.round((performance.now() - began) / 100) / 10,
      })
    }
    return { followed }
  } catch (error) {
    if (options.signal.aborted) throw error
    return { followed, failure: error instanceof Error ? error.message : String(error) }
  } finally {
    await shell.close()
  }
}

function follower(shell: Shell, ports: ReadonlyMap<number, number>, { instead, log }: FollowOptions) {
  const here = (text: string): string =>
    text.replace(/(?<![\d.])\d{4,5}(?!\d)/g, (port) => String(ports.get(Number(port)) ?? port))
  const last = { commands: '', output: '', code: 0, terminal: undefined as string | undefined }
  const run = async (commands: string): Promise<void> => {
    Object.assign(last, { commands, terminal: undefined, ...(await shell.run(commands)) })
  }
  return async (step: Step, next: Step | undefined, page: string): Promise<void> => {
    const at = `${page}:${step.line}`
    const text = 'text' in step ? here(step.text) : ''
    switch (step.kind) {
      case 'file': {
        const { output } = await shell.run('pwd')
        const path = join(output.trim(), step.path)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, text)
        return
      }
      case 'commands':
        log(text.trim())
        await run(await instead(text))
        // What is asked until it says something may fail at first: a server that has just been started, for one.
        if (next?.kind === 'output' && next.eventually) return
        if ((last.code !== 0) !== step.fails) throw new Error(`${at} ended with ${last.code}:\n${text}\n${last.output}`)
        return
      case 'terminal':
        log(`${step.name}: ${text.trim()}`)
        await shell.start(step.name, await instead(text))
        last.terminal = step.name
        return
      case 'stop':
        return shell.stop(step.name)
      case 'output': {
        const deadline = Date.now() + PATIENCE_MS
        for (;;) {
          const { output, ended } = last.terminal
            ? shell.terminal(last.terminal)
            : { output: last.output, ended: false }
          const missing = missingLine(text, output)
          if (missing === undefined) return
          const again = last.terminal !== undefined ? !ended : step.eventually
          if (!again || Date.now() > deadline)
            throw new Error(`${at} shows a line that did not come:\n  ${missing}\nin what was printed:\n${output}`)
          await new Promise((resolve) => setTimeout(resolve, 200))
          if (last.terminal === undefined) await run(last.commands)
        }
      }
    }
  }
}

/** A port that nobody listens on, below those that systems give to connections: what a page starts comes minutes later, and it may
 *  be stopped and started meanwhile. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    const server = createServer().listen(port, '127.0.0.1')
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.once('listening', () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
}
