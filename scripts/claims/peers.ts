import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/** Packages to compare with, installed outside of the product's dependencies. */
export interface Peers {
  folder: string
  versions: Record<string, string>
  load<Module>(specifier: string): Promise<Module>
}

/** Installs exactly these versions under `folder`; does nothing when they are there already.
 *  Ranges are refused: a comparison that nobody can repeat is not one. */
export async function installPeers(folder: string, wanted: Record<string, string>): Promise<Peers> {
  const ranges = Object.entries(wanted).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version))
  if (ranges.length > 0) throw new Error(`peers need exact versions, not ${ranges.map((r) => r.join('@')).join(', ')}`)
  if (!(await isInstalled(folder, wanted))) await install(folder, wanted)
  const loader = (await import(pathToFileURL(join(folder, 'load.js')).href)) as {
    load(specifier: string): Promise<unknown>
  }
  return { folder, versions: wanted, load: <Module>(specifier: string) => loader.load(specifier) as Promise<Module> }
}

async function isInstalled(folder: string, wanted: Record<string, string>): Promise<boolean> {
  for (const [name, version] of Object.entries(wanted)) {
    const manifest = await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8').catch(() => '{}')
    if ((JSON.parse(manifest) as { version?: string }).version !== version) return false
  }
  return (await readFile(join(folder, 'load.js'), 'utf8').catch(() => '')) !== ''
}

async function install(folder: string, wanted: Record<string, string>): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const manifest = { name: 'peers', private: true, type: 'module', dependencies: wanted }
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  const npm = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--workspaces=false']
  await promisify(execFile)('npm', npm, { cwd: folder }).catch((error: Error & { stderr?: string }) => {
    throw new Error(`the peers could not be installed in ${folder}:\n${error.stderr ?? error.message}`)
  })
  // A dynamic import resolves from the file it stands in: this one file makes the folder's packages reachable.
  await writeFile(join(folder, 'load.js'), 'export const load = (specifier) => import(specifier)\n')
}
