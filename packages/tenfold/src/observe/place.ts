/** Where observations are kept: in the Postgres that is named, else on a developer's machine in an embedded one, else nowhere. */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { NotKept } from './errors.ts'
import type { ObserveSettings } from './settings.ts'

export interface Place {
  /** A clause about it. */
  where: string
  /** Whether there is one. */
  keeps: boolean
  embedded: boolean
  /** Its address, once it can be used. Rejects with TF_OBSERVE_NOT_KEPT. */
  url: Promise<string>
}

/** What the keeper says on its one line. */
export type KeeperSays = { url: string } | { reason: string }

export function findPlace({ storeUrl, env, root, name }: ObserveSettings): Place {
  if (storeUrl !== undefined)
    return {
      where: `kept in ${hostOf(storeUrl)}, schema tenfold`,
      keeps: true,
      embedded: false,
      url: Promise.resolve(storeUrl),
    }
  if (env === 'production') {
    const reason = 'TENFOLD_OBSERVE_URL is not set'
    return {
      where: `nothing is kept (${reason})`,
      keeps: false,
      embedded: false,
      url: Promise.reject(NotKept({ reason })),
    }
  }
  const folder = embeddedFolder(root)
  return { where: 'kept in .tenfold/observe', keeps: true, embedded: true, url: startKeeper(folder, name) }
}

export function embeddedFolder(root: string): string {
  return join(root, '.tenfold/observe')
}

/** A Postgres is never the app's own child: however the app ends, the keeper sees its pipe close and stops it. */
function startKeeper(dataDir: string, database: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(NotKept({ reason }))
    try {
      mkdirSync(join(dataDir, '..'), { recursive: true })
      writeFileSync(join(dataDir, '../.gitignore'), '*\n', { flag: 'wx' })
    } catch {
      // It is there, or the keeper will say what is wrong.
    }
    const program = fileURLToPath(new URL(`./keeper.program${extname(import.meta.url)}`, import.meta.url))
    const { PATH, HOME, USER, TMPDIR } = process.env
    const keeper = spawn(process.execPath, [program, dataDir, database], {
      detached: true, // Ctrl-C is meant for the app
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH, HOME, USER, TMPDIR },
    })
    keeper.on('error', (error) => fail(error.message))
    keeper.on('exit', () => fail('its keeper ended'))
    keeper.stdin.on('error', () => {})
    const lines = createInterface({ input: keeper.stdout })
    lines.once('line', (line) => {
      const said = JSON.parse(line) as KeeperSays
      if ('url' in said) resolve(said.url)
      else fail(said.reason)
    })
    // Nothing of it keeps the app alive.
    keeper.unref()
    for (const stream of [keeper.stdin, keeper.stdout]) (stream as unknown as { unref(): void }).unref()
  })
}

function hostOf(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  return `${hostname}${port && `:${port}`}${pathname}`
}
