/** Each instance has a disk of its own: a copy of the app's folder, and an empty folder for temporary files. */
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, sep } from 'node:path'

export interface Disk {
  /** The app's folder as the instance sees it. */
  root: string
  temporary: string
}

export interface Workspace {
  /** For logs and sockets of the test itself. */
  readonly folder: string
  /** A fresh disk. */
  disk(): Promise<Disk>
  /** Files on it that are new or changed since it was made, relative to the app's folder or `$TMPDIR`. */
  written(disk: Disk): Promise<string[]>
  remove(): Promise<void>
}

const LEFT_OUT = new Set(['node_modules', '.git', '.tenfold', 'coverage'])

export async function createWorkspace(app: string): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'twin-'))
  const top = topOf(app)
  let made = 0
  const born = new Map<string, number>()

  return {
    folder,
    async disk() {
      const home = join(folder, `d${++made}`)
      const root = await mirror(top, app, join(home, basename(top) || 'app'))
      const temporary = join(home, 'tmp')
      await mkdir(temporary)
      born.set(root, Date.now())
      return { root, temporary }
    },
    async written({ root, temporary }) {
      const since = born.get(root) ?? 0
      const [own, others] = await Promise.all([changedIn(root, since), changedIn(temporary, since)])
      return [...own, ...others.map((path) => `$TMPDIR${sep}${path}`)]
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** The highest folder above that still belongs to the repository: packages may be installed there. */
function topOf(app: string): string {
  let top = app
  for (let at = app; dirname(at) !== at; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules')) || existsSync(join(at, 'package.json'))) top = at
    if (existsSync(join(at, '.git'))) return at
  }
  return top
}

/** The app's folder is copied; everything above it is linked, so that packages and siblings are found. */
async function mirror(top: string, app: string, to: string): Promise<string> {
  await mkdir(to, { recursive: true })
  const way = relative(top, app).split(sep).filter(Boolean)
  let [from, at] = [top, to]
  for (const part of way) {
    for (const entry of await readdir(from)) {
      if (entry !== part && entry !== '.git') await symlink(join(from, entry), join(at, entry))
    }
    ;[from, at] = [join(from, part), join(at, part)]
    await mkdir(at)
  }
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(at, entry.name)]
    if (entry.name === 'node_modules') {
      await symlink(source, target)
    } else if (!LEFT_OUT.has(entry.name))
      await cp(source, target, { recursive: true, filter: isWanted, verbatimSymlinks: true, preserveTimestamps: true })
  }
  return at
}

function isWanted(path: string): boolean {
  return !LEFT_OUT.has(basename(path))
}

async function changedIn(folder: string, since: number, below = ''): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])
  const found: string[] = []
  for (const entry of entries) {
    const path = join(below, entry.name)
    if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) found.push(...(await changedIn(folder, since, path)))
    if (!entry.isFile()) continue
    const info = await stat(join(folder, path)).catch(() => undefined)
    if (info && info.mtimeMs >= since) found.push(path)
  }
  return found
}
