import { spawn, type ChildProcess } from 'node:child_process'
import { watch } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readEnvironment } from '../../config/index.ts'
import { startEmbedded } from '../../database/embedded/index.ts'
import type { Command } from '../command.ts'
import { loadProject } from '../project.ts'

const IGNORED = /(^|\/)(\.tenfold|node_modules|\.git|dist)(\/|$)|\.gen\.ts$|\.log$|~$|\.swp$/
const QUIET_MS = 120

export const dev: Command = {
  name: 'dev',
  about: 'run the app and start it again whenever a file changes',
  options: { only: { type: 'string', value: '<roles>', about: 'as in `tenfold start`' } },
  examples: ['tenfold dev', 'tenfold dev --only web'],
  async run({ flags, output }) {
    const { app, root } = await loadProject(flags)
    // The database stays up over restarts: the last user of the embedded server stops it, and that is this process.
    const database = readEnvironment(process.env).databaseUrl
      ? undefined
      : await startEmbedded({ dataDir: fileURLToPath(new URL('.tenfold/postgres', root)), database: app.name })
    const stopAsked = Promise.withResolvers<void>()
    process.on('SIGINT', () => stopAsked.resolve()).on('SIGTERM', () => stopAsked.resolve())

    const args = [
      'start',
      ...(flags.only ? ['--only', String(flags.only)] : []),
      ...(flags.config ? ['--config', String(flags.config)] : []),
    ]
    let child = launch(args)
    let timer: NodeJS.Timeout | undefined
    let restarting = Promise.resolve()
    const watcher = watch(root, { recursive: true }, (_event, name) => {
      if (!name || IGNORED.test(name)) return
      clearTimeout(timer)
      timer = setTimeout(() => {
        output.line(output.paint('grey', `${name} changed, starting again …`))
        restarting = restarting.then(async () => {
          await end(child)
          child = launch(args)
        })
      }, QUIET_MS)
    })
    await stopAsked.promise
    watcher.close()
    clearTimeout(timer)
    await restarting
    await end(child)
    await database?.stop()
    return 0
  },
}

/** Detached, so that Ctrl-C reaches it through us, after the watcher has stopped. */
function launch(args: string[]): ChildProcess {
  return spawn(process.execPath, [process.argv[1]!, ...args], { stdio: 'inherit', detached: true, env: process.env })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
