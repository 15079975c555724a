/** A small disk for the database: a file system in memory, mounted where root may do that. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, openSync, writeSync, closeSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly folder: string
  /** Takes all the room that is left. */
  fill(): void
  free(): void
  unmount(): void
}

/** More than the log that the primary keeps for its replicas: else it is full of that before we fill it. */
const MEGABYTES = 1000

/** Undefined where nothing can be mounted; `log` is told why. */
export function mountSmallDisk(log: (line: string) => void): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-disk-'))
  const options = `size=${MEGABYTES}m,mode=711`
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { encoding: 'utf8' })
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true })
    log(`no full disk: nothing can be mounted here (${(mounted.stderr || String(mounted.error)).trim()})`)
    return undefined
  }
  // A shell beside us takes it away when we are gone, however we went.
  const guard = spawn(
    '/bin/sh',
    ['-c', 'read -r nothing; sleep 1; umount -l "$1" 2>/dev/null; rmdir "$1"', 'guard', folder],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  )
  guard.unref()
  ;(guard.stdin as unknown as { unref(): void }).unref()
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill() {
      const file = openSync(ballast, 'w')
      try {
        for (const piece of [Buffer.alloc(2 ** 20), Buffer.alloc(4096)]) fillWith(file, piece)
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(ballast, { force: true }),
    unmount: () => void guard.stdin.end(),
  }
}

function fillWith(file: number, piece: Buffer): void {
  try {
    for (;;) writeSync(file, piece)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}
