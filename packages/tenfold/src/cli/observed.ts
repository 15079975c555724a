import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { openObserved, type ObservedApp } from '../observe/index.ts'
import type { Invocation } from './command.ts'
import { hasProject } from './project.ts'

/** Calls back with the app of this folder that is observed (`node --import tenfold/observe`); undefined where the folder has a
 *  project of its own, or nothing was observed. */
export async function withObserved<T>(
  flags: Invocation['flags'],
  use: (observed: ObservedApp) => Promise<T>,
): Promise<{ result: T } | undefined> {
  if (hasProject(flags)) return undefined
  const file = resolve('.env')
  if (existsSync(file)) process.loadEnvFile(file)
  const observed = await openObserved(process.cwd(), process.env)
  if (!observed) return undefined
  try {
    return { result: await use(observed) }
  } finally {
    await observed.close()
  }
}
