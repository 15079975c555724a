import { MailAttachments } from '../mail/index.ts'
import type { Order } from './deliver.ts'
import type { WriteContext } from './template.ts'

/** Most mail servers take no more than this, encoded. */
const MOST = 20 * 1024 * 1024

/** The files, read from storage. Throws TF_MAIL_ATTACHMENTS when they are too large, before much of them was read. */
export async function buffered(
  files: WriteContext['files'],
  wanted: NonNullable<Order['attachments']>,
): Promise<{ filename: string; content: Uint8Array; contentType: string }[]> {
  let size = 0
  const read = []
  for (const { filename, file, contentType } of wanted) {
    const opened = await files.get(file)
    size += opened.file.size
    if (size > MOST) {
      opened.body.destroy()
      throw MailAttachments({ bytes: size, most: MOST })
    }
    const pieces: Buffer[] = []
    for await (const piece of opened.body) pieces.push(piece as Buffer)
    read.push({ filename, content: Buffer.concat(pieces), contentType: contentType ?? opened.file.contentType })
  }
  return read
}
