/** `npm create tenfold`: a new app, with all that it needs to go into production and nothing else. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { complete } from './ask.ts'
import { initRepository, installPackages, startApp } from './install.ts'
import { HELP, readOptions } from './options.ts'
import { checkPlace, writeProject } from './project.ts'
import { Refusal } from './refusal.ts'

/** Resolves to the exit code: 0 done, 1 it could not be made, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await create(argv)
  } catch (error) {
    if ((error as Error).name === 'AbortError') {
      console.error('\nNothing was made.')
      return 130
    }
    if (!(error instanceof Refusal)) throw error
    console.error(`${error.message}\nfix: ${error.fix}`)
    return error.usage ? 2 : 1
  }
}

async function create(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv)
  if (options.help) return say(HELP.trimEnd())
  if (options.version) return say(ownVersion())
  if (options.folder !== undefined) checkPlace(options.folder)
  const { folder, starter, install, start } = await complete(options, process.stdin.isTTY && process.stdout.isTTY)
  checkPlace(folder)
  writeProject({ folder, starter, tenfold: tenfoldSpec(options.tenfold) })
  console.log(`${folder}: the ${starter.name} starter is there.`)
  if (install) {
    const started = performance.now()
    await installPackages(folder)
    console.log(`Packages are installed (${((performance.now() - started) / 1000).toFixed(0)} s).`)
  }
  if (options.git && initRepository(folder)) console.log('A git repository is begun.')
  if (start) return startApp(folder)
  console.log(
    `\nNext:\n  cd ${folder}${install ? '' : '\n  npm install'}\n  npm run dev        # the app, its API reference and the console\n  npm run check      # lint, types, wiring, tests`,
  )
  return 0
}

function say(text: string): number {
  console.log(text)
  return 0
}

/** A path is resolved from where the command was run, and read from the project's folder. */
function tenfoldSpec(given: string | undefined): string {
  if (given === undefined) return `^${ownVersion()}`
  return given.endsWith('.tgz') ? `file:${resolve(given)}` : given
}

/** Both packages are released together, under one version. */
function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}
