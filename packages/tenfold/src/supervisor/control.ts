/** How a command finds a running supervisor and speaks with it: HTTP over a socket in the project's `.tenfold` folder, which
 *  only the user that runs the app can open. */
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { TenfoldError } from '../kernel/index.ts'
import { NothingToReload } from './errors.ts'
import type { ProcessState, Supervisor } from './supervisor.ts'

/** The longest path that a socket may have, over all systems. */
const LONGEST_PATH = 100

export interface Control {
  close(): Promise<void>
}

/** Listens in `<folder>/run`. Undefined where that is not possible (a path too long, a folder that is read-only): then
 *  SIGHUP is the way to reload. */
export async function openControl(folder: string, supervisor: Supervisor): Promise<Control | undefined> {
  const path = join(folder, 'run', `${process.pid}.sock`)
  if (path.length > LONGEST_PATH) return undefined
  const server = createServer((asked, response) => {
    const answer = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (asked.method !== 'POST' || asked.url !== '/reload') return answer(404, {})
    supervisor.reload().then(
      (processes) => answer(200, { processes } satisfies Reloaded),
      (error: TenfoldError) => answer(500, error),
    )
  })
  server.requestTimeout = 0
  try {
    mkdirSync(join(folder, 'run'), { recursive: true, mode: 0o700 })
    rmSync(path, { force: true })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
    chmodSync(path, 0o600)
  } catch {
    return undefined
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export interface Reloaded {
  processes: ProcessState[]
}

/** Reloads every app that runs under a supervisor from this `.tenfold` folder. Throws TF_NOTHING_TO_RELOAD without one, and
 *  what the supervisor says when a reload fails. */
export async function reloadRunning(folder: string): Promise<Reloaded[]> {
  const reloaded: Reloaded[] = []
  for (const path of socketsIn(join(folder, 'run'))) {
    const answer = await post(path)
    if (answer) reloaded.push(answer)
  }
  if (reloaded.length === 0) throw NothingToReload({ folder })
  return reloaded
}

function socketsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.sock'))
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}

/** Undefined when nobody listens there any more; what a killed supervisor left behind is removed. */
function post(socketPath: string): Promise<Reloaded | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: '/reload', method: 'POST' }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('error', reject)
      response.on('end', () => {
        const { code, message, fix, status, details, ...rest } = JSON.parse(text)
        if (response.statusCode === 200) resolve(rest as Reloaded)
        else reject(new TenfoldError(code, message, fix, status, details))
      })
    })
    asking.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT') return reject(error)
      rmSync(socketPath, { force: true })
      resolve(undefined)
    })
    asking.end()
  })
}
