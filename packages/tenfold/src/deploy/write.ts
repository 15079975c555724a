/** Writes a plan to a folder, and keeps account of what it wrote, so that it knows a file that somebody has changed. */
import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Choices, Plan, PlannedFile } from './deploy.ts'
import { DeployChanged } from './errors.ts'

/** Beside the files: the hash of each as it was written. */
const ACCOUNT = '.written.json'

export type Fate = 'new' | 'changed' | 'same' | 'removed' | 'kept'

export interface Written {
  path: string
  /** `kept`: changed by hand, and no longer part of the plan. */
  fate: Fate
  about: string
}

interface Account {
  stage: number
  /** What was chosen then, for the next time. */
  choices: Choices
  files: Record<string, string>
}

/** Writes what is new or different, removes what an earlier plan wrote and this one lacks. A file that was changed by hand
 *  stops all of it (TF_DEPLOY_CHANGED) before anything is written, unless `force`; `dryRun` only says what would happen. */
export async function writePlan(
  plan: Plan,
  folder: string,
  { dryRun = false, force = false, choices = {} as Choices } = {},
): Promise<Written[]> {
  const account = await readAccount(folder)
  const judged = await Promise.all(plan.files.map((file) => judge(file, folder, account)))
  const edited = judged.filter(({ edited }) => edited).map(({ file }) => file.path)
  if (edited.length > 0 && !force) throw DeployChanged({ files: edited })
  const gone = await goneOf(plan, folder, account)
  const result: Written[] = [...judged.map(({ file, fate }) => ({ path: file.path, about: file.about, fate })), ...gone]
  if (dryRun) return result
  for (const { file, fate } of judged) if (fate !== 'same') await put(folder, file)
  for (const { path, fate } of gone) if (fate === 'removed') await rm(join(folder, path))
  const files = Object.fromEntries(plan.files.map(({ path, text }) => [path, hashOf(text)]))
  await mkdir(folder, { recursive: true })
  await writeFile(
    join(folder, ACCOUNT),
    `${JSON.stringify({ stage: plan.stage, choices, files } satisfies Account, null, 2)}\n`,
  )
  return result
}

async function judge(file: PlannedFile, folder: string, { files }: Account) {
  const there = await textOf(join(folder, file.path))
  if (there === undefined) return { file, fate: 'new' as const, edited: false }
  if (there === file.text) return { file, fate: 'same' as const, edited: false }
  // A file that was there before the first plan is somebody's, too.
  return { file, fate: 'changed' as const, edited: files[file.path] !== hashOf(there) }
}

async function goneOf(plan: Plan, folder: string, { files }: Account): Promise<Written[]> {
  const planned = new Set(plan.files.map(({ path }) => path))
  const gone: Written[] = []
  for (const [path, hash] of Object.entries(files)) {
    const there = planned.has(path) ? undefined : await textOf(join(folder, path))
    if (there === undefined) continue
    gone.push({ path, about: '', fate: hashOf(there) === hash ? 'removed' : 'kept' })
  }
  return gone
}

async function put(folder: string, { path, text, executable }: PlannedFile): Promise<void> {
  const file = join(folder, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  await chmod(file, executable ? 0o755 : 0o644)
}

/** What was chosen when the files in `folder` were written; nothing where none were. */
export async function lastChoices(folder: string): Promise<Choices> {
  return (await readAccount(folder)).choices
}

async function readAccount(folder: string): Promise<Account> {
  const text = await textOf(join(folder, ACCOUNT))
  return text === undefined ? { stage: 0, choices: {}, files: {} } : (JSON.parse(text) as Account)
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
