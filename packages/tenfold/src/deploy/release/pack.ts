/** What is released: the files of the project, without what is made anew on the machine or belongs to development. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'

const LEFT_OUT = new Set(['node_modules', '.git', '.github', '.tenfold', 'deploy', 'coverage'])

interface PackedRelease {
  /** Of what is in it: the same files have the same id. */
  id: string
  /** A gzipped tar archive. */
  archive: Buffer
  files: number
}

export async function packRelease(folder: string): Promise<PackedRelease> {
  const files = (await filesIn(folder)).sort()
  const hash = createHash('sha256')
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(await readFile(join(folder, file)))
      .update('\0')
  const { stdout } = await promisify(execFile)('tar', ['-cz', '--owner=0', '--group=0', '--', ...files], {
    cwd: folder,
    encoding: 'buffer',
    maxBuffer: 512 * 1024 * 1024,
  })
  return { id: hash.digest('hex').slice(0, 12), archive: stdout, files: files.length }
}

/** Names of files, relative. Secrets (`.env`) stay here. */
async function filesIn(folder: string, from = folder): Promise<string[]> {
  const files: string[] = []
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const path = join(from, entry.name)
    if (LEFT_OUT.has(entry.name) || /^\.env(\.|$)|\.log$/.test(entry.name)) continue
    if (entry.isDirectory()) files.push(...(await filesIn(folder, path)))
    else files.push(relative(folder, path))
  }
  return files
}
