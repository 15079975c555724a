import { chmodSync, mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new folder for a test's database: in memory where there is plenty (databases are made and dropped there many times
 *  faster), else in the temporary directory. The one who makes it removes it. */
export function temporaryFolder(purpose: string): string {
  const folder = mkdtempSync(join(roomInMemory() ? '/dev/shm' : tmpdir(), `tenfold-${purpose}-`))
  chmodSync(folder, 0o711) // as root, the server is another user and has to pass through
  return folder
}

function roomInMemory(): boolean {
  try {
    const { type, bavail, bsize } = statfsSync('/dev/shm')
    return type === TMPFS && bavail * bsize > 4 * 2 ** 30
  } catch {
    return false
  }
}

const TMPFS = 0x01021994
