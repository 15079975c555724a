import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../test/step.ts'

/** What `npm pack` says of a package. Sizes in bytes. */
export interface Packed {
  /** The tarball. */
  file: string
  name: string
  version: string
  size: number
  unpackedSize: number
  files: string[]
}

/** Packs the built package in `folder` to a tarball in `target`, as `npm publish` would. */
export async function pack(folder: string, target: string): Promise<Packed> {
  await mkdir(target, { recursive: true })
  const { code, output } = await run('npm', [
    'pack',
    folder,
    '--json',
    '--silent',
    '--ignore-scripts',
    '--pack-destination',
    target,
  ])
  if (code !== 0) throw new Error(`npm could not pack ${folder}:\n${output}`)
  const [report] = JSON.parse(output.slice(output.indexOf('['))) as [
    Omit<Packed, 'file' | 'files'> & { filename: string; files: { path: string }[] },
  ]
  const { filename, files, ...rest } = report
  return { ...rest, file: join(target, filename), files: files.map(({ path }) => path) }
}
