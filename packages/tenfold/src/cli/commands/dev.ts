import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readEnvironment } from '../../config/index.ts'
import { startEmbedded } from '../../database/embedded/index.ts'
import type { Command } from '../command.ts'
import type { Output } from '../output.ts'
import { loadProject } from '../project.ts'
import { stopSignal } from '../signals.ts'
import { watchProject } from '../watch.ts'

/** Editors and `git checkout` write several files at once: one restart for all. */
const QUIET_MS = 120

export const dev: Command = {
  options: {
    only: { type: 'string', value: '<roles>', about: 'as in `tenfold start`' },
    modules: { type: 'string', value: '<names>', about: 'as in `tenfold start`' },
    migrate: { type: 'boolean', about: 'as in `tenfold start`, at every restart' },
  },
  examples: ['tenfold dev', 'tenfold dev --only web', 'DATABASE_URL=postgres://… tenfold dev --migrate'],
  async run({ flags, output }) {
    const { app, root } = await loadProject(flags)
    // The database stays up over restarts: the last user of the embedded server stops it, and that is this process.
    const database = readEnvironment(process.env).databaseUrl
      ? undefined
      : await startEmbedded({ dataDir: fileURLToPath(new URL('.tenfold/postgres', root)), database: app.name })
    const stopAsked = stopSignal()
    const options = ['only', 'modules', 'migrate', 'config', 'json', 'no-color'].flatMap((name) => {
      const value = flags[name]
      return value === undefined ? [] : value === true ? [`--${name}`] : [`--${name}`, String(value)]
    })
    const program = restartable(['start', ...options], output)
    const watcher = watchProject(fileURLToPath(root), (path) => program.restartFor(path))
    await stopAsked
    watcher.close()
    await program.end()
    await database?.stop()
    return 0
  },
}

interface Restartable {
  restartFor(path: string): void
  end(): Promise<void>
}

/** The app as a child process of ours: the only sure way to load every file anew. */
function restartable(args: string[], output: Output): Restartable {
  let child = launch(args, output)
  let timer: NodeJS.Timeout | undefined
  let restarting = Promise.resolve()
  const restart = async (): Promise<void> => {
    await end(child)
    child = launch(args, output)
  }
  return {
    restartFor(path) {
      clearTimeout(timer)
      timer = setTimeout(() => {
        output.error(output.paint('grey', `${path} changed, starting again …`))
        restarting = restarting.then(restart)
      }, QUIET_MS)
    },
    async end() {
      clearTimeout(timer)
      await restarting
      await end(child)
    },
  }
}

/** Detached, so that Ctrl-C reaches it through us, after the watcher has stopped. The channel tells it when we are gone. */
function launch(args: string[], output: Output): ChildProcess {
  const child = spawn(process.execPath, [process.argv[1]!, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
    env: process.env,
  })
  child.once('exit', (code, signal) => {
    if (!child.killed)
      output.error(`The app has ended (${signal ?? `code ${code}`}); it starts again when a file changes.`)
  })
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
