/** Results lie as JSON files in `.tenfold/load`, so that CI can carry them from one run to the next. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NoSuchRun } from './errors.ts'
import type { LoadResult } from './load.ts'

export function keepResult(folder: string, result: LoadResult): string {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${result.id}.json`)
  writeFileSync(file, JSON.stringify(result))
  return file
}

/** Newest first. Files that are no results are left out. */
export function listResults(folder: string): LoadResult[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => read(join(folder, name)) ?? [])
    .toSorted((a, b) => b.startedAt - a.startedAt)
}

/** By id, by `latest` or `previous`, or by the path of a file. Throws TF_LOAD_NO_RUN. */
export function findResult(folder: string, id: string): LoadResult {
  const file = id.endsWith('.json') ? id : join(folder, `${id}.json`)
  const all = listResults(folder)
  const found = id === 'latest' ? all[0] : id === 'previous' ? all[1] : read(file)
  if (!found) throw NoSuchRun({ id, known: all.slice(0, 3).map((one) => one.id) })
  return found
}

function read(file: string): LoadResult | undefined {
  try {
    const result = JSON.parse(readFileSync(file, 'utf8')) as LoadResult
    return result.version === 1 && Array.isArray(result.steps) ? result : undefined
  } catch {
    return undefined
  }
}
