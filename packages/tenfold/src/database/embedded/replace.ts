/** Data from elsewhere takes the place of a server's own: a backup that is restored. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { randomHex } from '../../kernel/index.ts'
import { EmbeddedInitFailed, EmbeddedInUse } from './errors.ts'
import { openHome, withLock } from './home.ts'
import { findRunning } from './server.ts'

/** `fill` writes a whole data folder, aside; then it becomes the data of this server. What was there is moved to the
 *  folder that is returned. The administrator's password is made anew at the next start.
 *  Throws TF_EMBEDDED_IN_USE while the server runs. */
export async function replaceData(
  dataDir: string,
  fill: (data: string) => Promise<void>,
): Promise<{ movedTo: string | undefined }> {
  const home = openHome(dataDir)
  return withLock(home, async () => {
    if (findRunning(home)) throw EmbeddedInUse({ dataDir: home.folder })
    const aside = join(home.folder, `making-${randomHex(4)}`)
    const data = join(aside, 'data')
    mkdirSync(data, { recursive: true, mode: 0o700 })
    try {
      await fill(data)
      chmodSync(data, 0o700)
      if (home.account) giveTo(`${home.account.uid}:${home.account.gid}`, aside, dataDir)
      const movedTo = existsSync(home.data) ? join(home.folder, `replaced-${randomHex(4)}`) : undefined
      if (movedTo !== undefined) renameSync(home.data, movedTo)
      renameSync(data, home.data)
      rmSync(join(home.folder, 'password'), { force: true })
      rmSync(join(home.folder, 'server.json'), { force: true })
      return { movedTo }
    } finally {
      rmSync(aside, { recursive: true, force: true })
    }
  })
}

function giveTo(owner: string, path: string, dataDir: string): void {
  const { status, stderr } = spawnSync('chown', ['-R', owner, path], { encoding: 'utf8' })
  if (status !== 0) throw EmbeddedInitFailed({ dataDir, output: stderr })
}
