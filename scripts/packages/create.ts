/** The package `create-tenfold` as it is published: JavaScript, and every starter with what it is made of. */
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DEV_PACKAGES, PACKAGES, STARTERS } from '../../packages/create-tenfold/src/starters.ts'
import { dockerfile, dockerignore } from '../../packages/tenfold/src/deploy/image/index.ts'
import { repository } from '../test/step.ts'
import { emit } from './emit.ts'

const SOURCE = join(repository, 'packages/create-tenfold')

/** Apps of this repository that are starters, too, and what of them is not for others. */
const EXAMPLES = { minimal: 'examples/guestbook', shop: 'examples/shop' }
const LEFT_OUT = ['package.json', 'node_modules', '.tenfold']

export async function buildCreate(target: string): Promise<void> {
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  await emit(SOURCE, ['src/index.ts'], target, { declarations: false })
  await cp(join(SOURCE, 'starters'), join(target, 'starters'), { recursive: true, filter: wanted })
  for (const [starter, example] of Object.entries(EXAMPLES))
    await copyExample(example, join(target, 'starters', starter))
  await writeFile(join(target, 'starters/every/Dockerfile'), dockerfile())
  await writeFile(join(target, 'starters/every/.dockerignore'), dockerignore())
  await writeFile(join(target, 'starters/versions.json'), JSON.stringify(await versions(), null, 2))
  const bin = await readFile(join(SOURCE, 'bin/create-tenfold.js'), 'utf8')
  await mkdir(join(target, 'bin'))
  await writeFile(join(target, 'bin/create-tenfold.js'), bin.replace('../src/index.ts', '../lib/index.js'))
  await chmod(join(target, 'bin/create-tenfold.js'), 0o755)
  await cp(join(SOURCE, 'README.md'), join(target, 'README.md'))
  await cp(join(repository, 'LICENSE'), join(target, 'LICENSE'))
  const {
    private: _,
    devDependencies: __,
    ...manifest
  } = JSON.parse(await readFile(join(SOURCE, 'package.json'), 'utf8')) as Record<string, unknown>
  await writeFile(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

/** An example becomes a starter by having no name of its own; its commands are no longer those of a workspace. */
async function copyExample(example: string, target: string): Promise<void> {
  const name = basename(example)
  await cp(join(repository, example), target, { recursive: true, force: false, filter: wanted })
  const rewrite = async (file: string, from: string, to: string): Promise<void> => {
    const text = await readFile(join(target, file), 'utf8')
    await writeFile(join(target, file), text.replaceAll(from, to))
  }
  await rewrite('app.ts', `name: '${name}'`, `name: 'starter_app'`)
  await rewrite('README.md', ` -w ${name}`, '')
}

function wanted(path: string): boolean {
  return !LEFT_OUT.includes(basename(path))
}

/** The versions that this repository is tried with, of every package that a starter may have. */
async function versions(): Promise<Record<string, string>> {
  const names = [
    ...PACKAGES,
    ...DEV_PACKAGES,
    ...STARTERS.flatMap(({ packages, devPackages }) => [...packages, ...devPackages]),
  ]
  const lock = JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string }>
  }
  return Object.fromEntries(
    names
      .filter((name) => name !== 'tenfold')
      .map((name) => {
        const version = lock.packages[`node_modules/${name}`]?.version
        if (version === undefined) throw new Error(`${name} is in a starter and not in this repository`)
        return [name, version]
      }),
  )
}
