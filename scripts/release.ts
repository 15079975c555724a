/** `npm run release -- 0.2.0`: prepares a release, as far as that is possible on one machine. Builds both packages with that version,
 *  packs them in a temporary folder, tries them (types, manifest, size, start, licences), and only then writes the version and the
 *  section of the changelog. `--dry-run` writes nothing. Publishing is what .github/workflows/release.yml does.
 *
 *    --dry-run            only says what would be written and published
 *    --tagged             the version is in the files already, as after a tag: nothing is written
 *    --keep <folder>      leaves the packages to publish there: <folder>/tenfold and <folder>/create-tenfold
 *    --repository <url>   what the published manifests name; npm compares it with where they were built */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPackages, notFree, overBudget, pack, shippedPackages, type Packed } from './packages/index.ts'
import { checkVersion, NotReady, withReleaseNotes, withVersion, type Edit } from './release/version.ts'
import { repository, run } from './test/step.ts'

const PUBLISHED = ['tenfold', 'create-tenfold']
const MANIFESTS = ['packages/tenfold/package.json', 'packages/create-tenfold/package.json', 'package-lock.json']

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof NotReady)) throw error
  console.error(error.message)
  return 1
})

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean' },
      tagged: { type: 'boolean' },
      keep: { type: 'string' },
      repository: { type: 'string' },
    },
  })
  const version = positionals[0]?.replace(/^v(?=\d)/, '')
  if (version === undefined || positionals.length > 1) {
    console.error('npm run release -- [--dry-run | --tagged] <version>')
    return 2
  }
  const { edits, notes } = values.tagged ? await tagged(version) : await prepare(version)
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-release-'))
  try {
    const built = await build(version, edits, values.keep ? resolve(values.keep) : folder, values.repository)
    const packed = await Promise.all(built.map((one) => pack(one, folder)))
    const faults = await faultsOf(built, packed)
    for (const fault of faults) console.error(`✖ ${fault}`)
    if (faults.length > 0) return 1
    for (const one of packed) console.log(`${one.name}@${one.version}  ${describe(one)}`)
    console.log(`\n${notes}\n`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  if (values.tagged) return 0
  if (values['dry-run']) console.log(`would be written: ${edits.map(({ path }) => path).join(', ')}`)
  else {
    for (const { path, text } of edits) await writeFile(join(repository, path), text)
    console.log(`Written. Next: git commit -am "Release ${version}" && git tag v${version}, and push both.`)
  }
  return 0
}

async function prepare(version: string): Promise<{ edits: Edit[]; notes: string }> {
  const read = (path: string): Promise<string> => readFile(join(repository, path), 'utf8')
  const { version: present } = JSON.parse(await read(MANIFESTS[0]!)) as { version: string }
  checkVersion(version, present)
  const manifests = await Promise.all(
    MANIFESTS.map(async (path) => withVersion(path, await read(path), version, PUBLISHED)),
  )
  const { text, notes } = withReleaseNotes(await read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10))
  return { edits: [...manifests, { path: 'CHANGELOG.md', text }], notes }
}

/** What was prepared before: the files have to say what the tag says. */
async function tagged(version: string): Promise<{ edits: Edit[]; notes: string }> {
  const read = (path: string): Promise<string> => readFile(join(repository, path), 'utf8')
  for (const path of MANIFESTS.slice(0, 2)) {
    const { version: present } = JSON.parse(await read(path)) as { version: string }
    if (present !== version) throw new NotReady(`the tag says ${version}, and ${path} says ${present}`)
  }
  const [, notes] =
    new RegExp(`^## \\[${version.replaceAll('.', String.raw`\.`)}\\].*\n([^]*?)(?=^## \\[|$(?![^]))`, 'm').exec(
      await read('CHANGELOG.md'),
    ) ?? []
  if (notes === undefined) throw new NotReady(`CHANGELOG.md has no section for ${version}`)
  return { edits: [], notes: notes.trim() }
}

/** Builds what is there, and puts the next version over it: the repository itself is not touched. */
async function build(version: string, edits: readonly Edit[], target: string, url?: string): Promise<string[]> {
  const built = await buildPackages((name) => join(target, name))
  for (const folder of built) {
    const path = join(folder, 'package.json')
    const edited = withVersion(path, await readFile(path, 'utf8'), version, PUBLISHED).text
    const named = url === undefined ? {} : { repository: { type: 'git', url } }
    await writeFile(path, `${JSON.stringify({ ...(JSON.parse(edited) as object), ...named }, null, 2)}\n`)
  }
  const changelog = edits.find(({ path }) => path === 'CHANGELOG.md')
  if (changelog) await writeFile(join(target, 'tenfold/CHANGELOG.md'), changelog.text)
  return built
}

async function faultsOf(built: readonly string[], [tenfold, create]: readonly Packed[]): Promise<string[]> {
  const tool = async (name: string, args: string[]): Promise<string[]> => {
    const { code, output } = await run(name, args)
    return code === 0 ? [] : [`${name}:\n${output.trimEnd()}`]
  }
  return [
    ...overBudget(tenfold!).map((sentence) => `tenfold: ${sentence}`),
    ...overBudget(create!).map((sentence) => `create-tenfold: ${sentence}`),
    ...notFree(await shippedPackages()).map(({ name, licence }) => `${name} comes under ${licence}`),
    ...(await tool('attw', [tenfold!.file, '--profile', 'esm-only', '--no-color', '--no-emoji'])),
    ...(await Promise.all(built.map((folder) => tool('publint', [folder, '--strict'])))).flat(),
  ]
}

function describe({ size, unpackedSize, files }: Packed): string {
  const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000)} kB`
  return `${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked, ${files.length} files`
}
