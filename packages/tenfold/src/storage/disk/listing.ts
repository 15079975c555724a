import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { meaningOf } from './layout.ts'

/** The keys under `folder` that start with `prefix` and come after `after`, in the order of their bytes (S7).
 *  Folders that cannot hold such a key are not opened.
 *  @param path the key bytes that `folder` stands for, its slash included */
export async function* keysIn(
  folder: string,
  prefix: Buffer,
  after: Buffer,
  path: Buffer = Buffer.alloc(0),
): AsyncGenerator<string> {
  for (const entry of await entriesOf(folder, path)) {
    if (entry.kind === 'file') {
      if (startsWith(entry.key, prefix) && entry.key.compare(after) > 0) yield entry.key.toString()
    } else if (couldHold(entry.key, prefix, after)) {
      yield* keysIn(entry.path, prefix, after, entry.key)
    }
  }
}

interface Listed {
  kind: 'file' | 'folder'
  /** For a folder with the slash at its end. */
  key: Buffer
  path: string
}

/** Long names are spread over folders that continue them: their entries belong between the others. */
async function entriesOf(folder: string, path: Buffer): Promise<Listed[]> {
  const found: Listed[] = []
  // A folder may be gone by now: its last file was deleted.
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  for (const entry of entries) {
    const meaning = meaningOf(entry.name)
    // Symbolic links are neither files nor directories here, and so are passed over (S5).
    if (!meaning || !(meaning.kind === 'file' ? entry.isFile() : entry.isDirectory())) continue
    const bytes = Buffer.concat([path, meaning.bytes])
    const at = join(folder, entry.name)
    if (meaning.kind === 'file') found.push({ kind: 'file', key: bytes, path: at })
    else if (meaning.kind === 'folder') found.push({ kind: 'folder', key: Buffer.concat([bytes, SLASH]), path: at })
    else found.push(...(await entriesOf(at, bytes)))
  }
  return found.sort((a, b) => a.key.compare(b.key))
}

const SLASH = Buffer.from('/')

function couldHold(folder: Buffer, prefix: Buffer, after: Buffer): boolean {
  const underPrefix = startsWith(folder, prefix) || startsWith(prefix, folder)
  return underPrefix && (folder.compare(after) > 0 || startsWith(after, folder))
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  return bytes.length >= start.length && bytes.subarray(0, start.length).equals(start)
}
