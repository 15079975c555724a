import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, findBinaries } from './binaries.ts'
import { ensureCluster } from './cluster.ts'
import { EmbeddedInitFailed } from './errors.ts'
import { openHome, withLock, writePrivate } from './home.ts'

/** Fills `dataDir` with a new, empty cluster by copying one that is kept in the temporary directory and never started:
 *  several times faster than initdb. All copies have the same password and identifier, so this is for tests. */
export async function copyNewCluster(dataDir: string): Promise<void> {
  const cache = cacheFolder()
  chmodSync(cache, 0o755)
  mkdirSync(join(cache, 'clusters'), { recursive: true })
  const target = openHome(dataDir)
  const binaries = findBinaries(target.account)
  const template = openHome(join(cache, 'clusters', `new-${binaries.version}`))
  const { password } = await withLock(template, () => ensureCluster(template, binaries, false))
  const copy = spawnSync('cp', ['-Rp', template.data, target.data], { encoding: 'utf8' })
  if (copy.status !== 0) throw EmbeddedInitFailed({ dataDir, output: copy.stderr || String(copy.error) })
  writePrivate(target, 'password', password)
}
