import sharp from 'sharp'
import type { Readable } from 'node:stream'

/** Side of the square, in pixels. */
export const SIZES = { small: 64, medium: 256, large: 768 } as const

const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'avif', 'heif'])

/** More than any camera of a phone makes, and far less than a small file can claim to unpack to. */
const MAX_PIXELS = 40_000_000

/** What is wrong with the image, from its header alone: nothing is unpacked. Undefined when it is fine. */
export async function checkImage(body: Readable): Promise<string | undefined> {
  const reader = sharp({ limitInputPixels: MAX_PIXELS, failOn: 'error' })
  body.on('error', (error) => reader.destroy(error)).pipe(reader)
  try {
    const { format, width = 0, height = 0 } = await reader.metadata()
    if (!format || !FORMATS.has(format)) return 'it is of a kind that we do not take'
    if (width * height > MAX_PIXELS) return `its ${width} x ${height} pixels are too many`
    return undefined
  } catch (error) {
    return (error as Error).message.includes('pixel limit') ? 'it has too many pixels' : 'it is not an image'
  } finally {
    body.destroy()
    reader.destroy()
  }
}

/** A square cut around what draws the eye, upright, without the metadata (a photo knows where it was taken). */
export async function resized(original: Buffer, pixels: number): Promise<Buffer> {
  return sharp(original, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
    .rotate()
    .resize(pixels, pixels, { fit: 'cover', position: 'attention' })
    .webp({ quality: 82 })
    .toBuffer()
}
