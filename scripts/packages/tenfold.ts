/** The package `tenfold` as it is published: JavaScript and declarations instead of sources, and a manifest of its own. */
import { globSync } from 'node:fs'
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from '../test/step.ts'
import { notices, shippedPackages } from './licences.ts'
import { copyAssets, emit, pruneDeclarations, rewriteDeclarations, SOURCE } from './emit.ts'

interface Manifest {
  private?: boolean
  exports: Record<string, string>
  scripts?: Record<string, string>
  devDependencies?: Record<string, string>
}

/** Started by a path, not imported by another file; beside all that are called `*.program.ts`. */
const PROGRAMS = ['src/cli/index.ts', 'src/load/generate/main.ts']
/** Acts when it is imported: `node --import tenfold/observe`. */
const ACTS = './lib/observe/preload.program.js'

/** Builds the package in `target`, which is emptied first. */
export async function buildTenfold(target: string): Promise<void> {
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  const manifest = JSON.parse(await readFile(join(SOURCE, 'package.json'), 'utf8')) as Manifest
  const doors = Object.values(manifest.exports).filter((file) => file.endsWith('.ts'))
  const programs = globSync('src/**/*.program.ts', { cwd: SOURCE, exclude: ['**/testing'] })
  await emit(
    SOURCE,
    [...new Set([...doors, ...PROGRAMS, ...programs])].map((file) => file.replace(/^\.\//, '')),
    target,
  )
  const lib = join(target, 'lib')
  await rewriteDeclarations(lib)
  await pruneDeclarations(
    lib,
    doors.map((file) => file.replace('./src/', '').replace(/\.ts$/, '.d.ts')),
  )
  await copyAssets(target)
  await cp(join(SOURCE, 'assets'), join(target, 'assets'), {
    recursive: true,
    filter: (path) => !path.endsWith('built-from'),
  })
  await writeBin(target)
  for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md']) await cp(join(repository, file), join(target, file))
  await writeFile(join(target, 'THIRD_PARTY.md'), await notices(await shippedPackages()))
  await writeFile(join(target, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
}

async function writeBin(target: string): Promise<void> {
  const text = await readFile(join(SOURCE, 'bin/tenfold.js'), 'utf8')
  const file = join(target, 'bin/tenfold.js')
  await mkdir(join(target, 'bin'))
  await writeFile(file, text.replace('../src/cli/index.ts', '../lib/cli/index.js'))
  await chmod(file, 0o755)
}

/** In the workspace the doors are sources, so that nothing has to be built to work on it. */
function published(manifest: Manifest): object {
  const { private: _, devDependencies: __, scripts: ___, exports, ...rest } = manifest
  return {
    ...rest,
    exports: Object.fromEntries(
      Object.entries(exports).map(([door, file]) => [door, file.endsWith('.ts') ? conditions(file) : file]),
    ),
    sideEffects: [ACTS],
  }
}

/** `types` has to come first: the first condition that fits is taken. */
function conditions(file: string): { types: string; default: string } {
  const path = file.replace('./src/', './lib/').replace(/\.ts$/, '')
  return { types: `${path}.d.ts`, default: `${path}.js` }
}
