import type { FileHandle } from 'node:fs/promises'
import { StorageDamaged } from '../errors.ts'
import type { StoredFile } from '../storage.ts'

/** What is known of a file stands at its own end, so that one rename makes both appear together (S1):
 *
 *    content | JSON | length of the JSON (4 bytes) | "tenfold1" */
export type About = Omit<StoredFile, 'key'>

const MAGIC = Buffer.from('tenfold1')
const END = 4 + MAGIC.length
/** The JSON is far smaller than this: one read gets it. */
const MAX = 1024

export function trailerOf(about: About): Buffer {
  const json = Buffer.from(JSON.stringify(about))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([json, length, MAGIC])
}

export async function readTrailer(handle: FileHandle, key: string): Promise<StoredFile> {
  const { size: total } = await handle.stat()
  const at = Math.max(0, total - MAX)
  const tail = Buffer.alloc(total - at)
  await handle.read(tail, 0, tail.length, at)
  if (tail.length < END || !tail.subarray(-MAGIC.length).equals(MAGIC)) throw StorageDamaged({ key })
  const length = tail.readUInt32BE(tail.length - END)
  if (length > tail.length - END) throw StorageDamaged({ key })
  const { size, contentType, sha256, modifiedAt } = parse(tail.subarray(-END - length, -END), key)
  if (size !== total - END - length) throw StorageDamaged({ key })
  return { key, size, contentType, sha256, modifiedAt }
}

function parse(json: Buffer, key: string): About {
  try {
    return JSON.parse(json.toString()) as About
  } catch (cause) {
    throw StorageDamaged({ key }, { cause })
  }
}
