/** Watches a project's own files. Node's recursive watching would look into `node_modules` and the database's files too. */
import { readdirSync, statSync, watch, type FSWatcher } from 'node:fs'
import { join, relative } from 'node:path'

const IGNORED = /(^|\/)(\.[^/]+|node_modules|dist|coverage)(\/|$)|\.gen\.ts$|\.log$|~$|\.swp$|(^|\/)4913$/

export interface Watcher {
  close(): void
}

/** Calls `changed` with the path, relative to `root`, of whatever is written, made or removed. Files that begin with a dot
 *  are left out, except `.env`. */
export function watchProject(root: string, changed: (path: string) => void): Watcher {
  const watchers = new Map<string, FSWatcher>()
  const isWatched = (path: string): boolean => path === '.env' || !IGNORED.test(path)

  const close = (folder: string): void => {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }
  const add = (folder: string): void => {
    if (watchers.has(folder)) return
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name) happened(folder, name)
      })
      watcher.on('error', () => close(folder)) // the folder is gone
      watchers.set(folder, watcher)
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (entry.isDirectory() && isWatched(relative(root, path))) add(path)
      }
    } catch (error) {
      // Gone before we came. The root itself has to be there.
      if (folder === root || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  const happened = (folder: string, name: string): void => {
    const path = join(folder, name)
    const shown = relative(root, path)
    if (!isWatched(shown)) return
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat?.isDirectory()) add(path)
    else if (!stat) close(path)
    changed(shown)
  }
  add(root)
  return {
    close() {
      for (const folder of [...watchers.keys()]) close(folder)
    },
  }
}
