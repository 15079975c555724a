/** The last runs lie as JSON files in `.tenfold/twin`, where the console of the app finds them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TwinRunView } from '../inspect/index.ts'

const KEPT = 20

export function keepRun(folder: string, run: TwinRunView): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${run.id}.json`), JSON.stringify({ version: 1, ...run }))
  for (const name of filesIn(folder).slice(KEPT)) rmSync(join(folder, name), { force: true })
}

/** The newest first. Files that are no runs are left out. */
export function listRuns(folder: string): TwinRunView[] {
  if (!existsSync(folder)) return []
  return filesIn(folder).flatMap((name) => {
    try {
      const { version, ...run } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as TwinRunView & {
        version?: number
      }
      return version === 1 && Array.isArray(run.findings) ? [run] : []
    } catch {
      return []
    }
  })
}

/** Names are times: the newest first. */
function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^[\d-]+\.json$/.test(name))
    .toSorted()
    .toReversed()
}
