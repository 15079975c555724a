/** One shell for the whole tutorial, as a reader has one: folders that were entered and variables that were set stay. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

export interface Shell {
  /** Runs commands one after another; the first that fails ends them. */
  run(commands: string): Promise<{ code: number; output: string }>
  /** Starts commands in a session of their own, with the folder and the variables of this moment. */
  start(name: string, commands: string): Promise<void>
  /** What a terminal has printed so far, and whether its command has ended. */
  terminal(name: string): { output: string; ended: boolean }
  /** As Ctrl-C does. Resolves when all processes of the terminal are gone. */
  stop(name: string): Promise<void>
  close(): Promise<void>
}

const PATIENCE_MS = 120_000

export function openShell(folder: string): Shell {
  // As from a terminal: what npm and the test runner tell the programs that they start is left out.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_(?!EXTRA_CA)|TEST_|TENFOLD_|CI$)/.test(name)),
  )
  // The Node.js that runs this, and what the system has: no program of this repository gets in by its path.
  const path = [join(process.execPath, '..'), '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'].join(':')
  const bash = spawn('bash', ['--noprofile', '--norc'], {
    cwd: folder,
    env: { ...env, PATH: path, NO_COLOR: '1', npm_config_update_notifier: 'false' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: bash.stdout })[Symbol.asyncIterator]()
  const pids = new Map<string, number>()
  const files = { count: 0 }

  const run: Shell['run'] = async (commands) => {
    const mark = `end-of-block-${(files.count += 1)}`
    const file = join(folder, `.block-${files.count}.sh`)
    writeFileSync(file, commands)
    // An ERR trap with `return` leaves a sourced file at the first command that fails, and the shell goes on.
    bash.stdin.write(
      `trap 'code=$?; trap - ERR; return $code' ERR; source ${file} < /dev/null 2>&1; code=$?; trap - ERR; echo; echo ${mark} $code\n`,
    )
    const output: string[] = []
    for (;;) {
      const { value, done } = await lines.next()
      if (done) return { code: 1, output: `${output.join('\n')}\nthe shell has ended` }
      const [, code] = new RegExp(`^${mark} (\\d+)$`).exec(value) ?? []
      if (code !== undefined) return { code: Number(code), output: stripVTControlCharacters(output.join('\n')) }
      output.push(value)
    }
  }
  const logOf = (name: string): string => join(folder, `.terminal-${name}.log`)
  const shell: Shell = {
    run,
    async start(name, commands) {
      writeFileSync(join(folder, `.terminal-${name}.sh`), commands)
      writeFileSync(logOf(name), '')
      const { output } = await run(
        // What a shell starts beside itself is deaf to Ctrl-C, unless it is told not to be.
        `env --default-signal=INT setsid bash ${join(folder, `.terminal-${name}.sh`)} > ${logOf(name)} 2>&1 < /dev/null &\necho "pid $!"\n`,
      )
      pids.set(name, Number(/pid (\d+)/.exec(output)![1]))
    },
    terminal: (name) => ({
      output: stripVTControlCharacters(readFileSync(logOf(name), 'utf8')),
      ended: !lives(pids.get(name)!) && !lives(-pids.get(name)!),
    }),
    async stop(name) {
      const pid = pids.get(name)
      if (pid === undefined) throw new Error(`there is no terminal '${name}'`)
      pids.delete(name)
      const deadline = Date.now() + PATIENCE_MS
      signal(pid, 'SIGINT')
      while (lives(-pid)) {
        if (Date.now() > deadline) signal(pid, 'SIGKILL')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    async close() {
      for (const name of [...pids.keys()].reverse()) await shell.stop(name)
      await ended(bash)
    },
  }
  return shell
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve()
    child.once('close', () => resolve())
    child.stdin!.end('exit\n')
  })
}

/** A negative number means the whole group: npx, and what it has started. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch {
    // It has ended by itself.
  }
}

/** A negative number asks for the group; right after the start there is a process and no group yet. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
