import { StorageType, StorageTypeInvalid } from './errors.ts'

/** How many bytes `imageTypeOf` looks at. */
export const SNIFF_BYTES = 16

/** The type of an image by its first bytes; undefined when they are not those of one. */
export function imageTypeOf(head: Uint8Array): string | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, SNIFF_BYTES)).toString('latin1')
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png'
  if (text.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'image/gif'
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'image/webp'
  if (/^ftyp(avif|avis)/.test(text.slice(4))) return 'image/avif'
  if (/^ftyp(heic|heix|heim|heis|mif1)/.test(text.slice(4))) return 'image/heic'
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'image/tiff'
  if (text.startsWith('\0\0\x01\0')) return 'image/x-icon'
  if (text.startsWith('BM') && text.slice(6, 10) === '\0\0\0\0') return 'image/bmp'
  return undefined
}

/** The type of a file that is there already: one that claims to be an image and is none is bytes, and no more. */
export function typeOrBytes(said: string, head: Uint8Array): string {
  try {
    return typeOf('', said, head)
  } catch {
    return 'application/octet-stream'
  }
}

/** The type under which a file is kept (S6).
 *  @param said what the uploader says that it is */
export function typeOf(key: string, said: string | undefined, head: Uint8Array): string {
  const image = imageTypeOf(head)
  if (said === undefined) return image ?? 'application/octet-stream'
  if (!MEDIA_TYPE.test(said)) throw StorageTypeInvalid({ contentType: said.slice(0, 100) })
  if (!/^image\//i.test(said) || /^image\/svg\+xml\b/i.test(said)) return said
  if (!image) throw StorageType({ key, contentType: said })
  return image
}

const MEDIA_TYPE =
  /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(\s*;\s*[\w!#$&^.+-]{1,50}=([\w!#$&^.+-]{1,100}|"[\w !#$&^.+:/-]{0,100}"))*$/
