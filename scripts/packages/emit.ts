/** JavaScript and declarations from the sources of the framework, in a folder laid out like the package that users install. */
import { cp, glob, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { repository, run } from '../test/step.ts'

/** The framework's package in this repository. */
export const SOURCE = join(repository, 'packages/tenfold')

/** Compiles what can be reached from `entries` (files in the package at `source`) to `target`: `src/a.ts` becomes `lib/a.js` and
 *  `lib/a.d.ts`, at the same depth, so that what looks for a file beside itself finds it. */
export async function emit(
  source: string,
  entries: readonly string[],
  target: string,
  { declarations = true } = {},
): Promise<void> {
  const config = join(target, 'tsconfig.json')
  await writeFile(
    config,
    JSON.stringify({
      extends: join(repository, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: declarations,
        rootDir: source,
        outDir: target,
        typeRoots: [join(repository, 'node_modules/@types')],
      },
      include: [],
      files: entries.map((entry) => join(source, entry)),
    }),
  )
  const { code, output } = await run('tsc', ['-p', config, '--pretty', 'false'])
  if (code !== 0) throw new Error(`tsc could not compile the package:\n${output}`)
  await rm(config)
  await rename(join(target, 'src'), join(target, 'lib'))
}

/** The compiler rewrites `./a.ts` to `./a.js` in JavaScript, and leaves it in declarations. */
export async function rewriteDeclarations(lib: string): Promise<void> {
  for await (const file of glob('**/*.d.ts', { cwd: lib })) {
    const path = join(lib, file)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace(/((?:from|import) ?\(?['"]\.{1,2}\/[^'"\n]+)\.ts(?=['"])/g, '$1.js'))
  }
}

/** Removes the declarations that no door leads to: types of the inside are nobody's business, and half of the files. */
export async function pruneDeclarations(lib: string, doors: readonly string[]): Promise<void> {
  const wanted = new Set<string>()
  const queue = doors.map((door) => join(lib, door))
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (wanted.has(file)) continue
    wanted.add(file)
    // Examples in comments import, too.
    const text = (await readFile(file, 'utf8')).replace(/^\s*\*.*$/gm, '')
    for (const [, to] of text.matchAll(/(?:from|import) ?\(?['"](\.{1,2}\/[^'"\n]+)\.js['"]/g))
      queue.push(join(dirname(file), `${to}.d.ts`))
  }
  for await (const file of glob('**/*.d.ts', { cwd: lib })) if (!wanted.has(join(lib, file))) await rm(join(lib, file))
}

/** What lies between the sources and is no TypeScript (SQL, the pages of the reference) goes where the code looks for it. */
export async function copyAssets(target: string): Promise<void> {
  for (const entry of await readdir(join(SOURCE, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.ts')) continue
    const to = join(target, 'lib', relative(join(SOURCE, 'src'), entry.parentPath), entry.name)
    await mkdir(dirname(to), { recursive: true })
    await cp(join(entry.parentPath, entry.name), to)
  }
}
