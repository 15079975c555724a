/** Builds the console's pages (packages/console) into packages/tenfold/assets/console, with a .gz and .br beside each
 *  file. Run by `npm ci`; does nothing when what is there was built from the same sources and tools. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'packages/console')
const target = join(root, 'packages/tenfold/assets/console')
const BUILT_FROM = 'built-from'

try {
  const hash = await hashOfSources()
  const built = await readFile(join(target, BUILT_FROM), 'utf8').catch(() => '')
  if (built === hash) console.log('console: up to date')
  else console.log(`console: ${await build(hash)}`)
} catch (error) {
  console.error(`console: could not build packages/console: ${inOneLine(error)}`)
  process.exitCode = 1
}

async function build(hash: string): Promise<string> {
  const vite = await import('vite')
  const fresh = `${target}.${process.pid}`
  await rm(fresh, { recursive: true, force: true })
  try {
    await vite.build({ root: source, logLevel: 'silent', build: { outDir: fresh, emptyOutDir: true } })
    const sizes = await compress(fresh)
    await writeFile(join(fresh, BUILT_FROM), hash)
    await rm(target, { recursive: true, force: true })
    await mkdir(dirname(target), { recursive: true })
    await rename(fresh, target)
    return `built, ${(sizes.plain / 1000).toFixed(0)} kB, ${(sizes.compressed / 1000).toFixed(0)} kB compressed`
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/** Everything that the result depends on: the pages' own files, this script, and the versions of the tools. */
async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256')
  const names = (await readdir(source, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const tools = ['vite', 'preact', 'preact-iso', 'uplot'].map((name) =>
    join(root, 'node_modules', name, 'package.json'),
  )
  for (const file of [...names, ...tools.filter(existsSync), fileURLToPath(import.meta.url)]) {
    hash
      .update(file.slice(root.length))
      .update('\0')
      .update(await readFile(file))
      .update('\0')
  }
  return hash.digest('hex')
}

async function compress(directory: string): Promise<{ plain: number; compressed: number }> {
  const sizes = { plain: 0, compressed: 0 }
  for (const name of await readdir(directory, { recursive: true })) {
    if (!['.js', '.css', '.html', '.svg'].includes(extname(name))) continue
    const body = await readFile(join(directory, name))
    const br = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
    await Promise.all([
      writeFile(join(directory, `${name}.br`), br),
      writeFile(join(directory, `${name}.gz`), gzipSync(body, { level: 9 })),
    ])
    sizes.plain += body.length
    sizes.compressed += br.length
  }
  return sizes
}

/** Vite's messages are several coloured lines: what went wrong and where are on the first few. */
function inOneLine(error: unknown): string {
  const lines = stripVTControlCharacters(error instanceof Error ? error.message : String(error)).split('\n')
  return lines
    .map((line) => line.trim())
    .filter(Boolean)
    .slice(0, 3)
    .join(' ')
}
