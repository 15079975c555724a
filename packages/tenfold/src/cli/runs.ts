/** Where load runs are kept, and how their numbers are printed. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Project } from './project.ts'

/** `.tenfold/load` of the project, or of the working directory when there is none. */
export function runsFolder(project: Project | undefined): string {
  return project ? fileURLToPath(new URL('.tenfold/load', project.root)) : resolve('.tenfold/load')
}

/** To three digits. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return 'never'
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
