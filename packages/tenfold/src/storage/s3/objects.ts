import type { IncomingMessage } from 'node:http'
import type { StoredFile } from '../storage.ts'
import { encodeKey, type S3Client } from './client.ts'
import { elementsIn, escape, textIn } from './xml.ts'

/** What is known of a file besides its bytes; it lies with the object, so that both appear together (S1). */
export type About = Pick<StoredFile, 'contentType' | 'sha256' | 'modifiedAt'>

export function headersOf({ contentType, sha256, modifiedAt }: About): Record<string, string> {
  return {
    'content-type': contentType,
    'x-amz-meta-sha256': sha256,
    'x-amz-meta-modified': String(modifiedAt),
  }
}

/** What an object says of itself. Without a checksum it came from elsewhere: from a browser with a signed URL, or another tool. */
export function aboutOf(
  answer: IncomingMessage,
): Omit<StoredFile, 'key' | 'sha256'> & { sha256: string | undefined; etag: string } {
  const { headers } = answer
  const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1] ?? headers['content-length']
  const modified = Number(headers['x-amz-meta-modified'])
  return {
    size: Number(total ?? 0),
    contentType: headers['content-type'] ?? 'application/octet-stream',
    sha256: headers['x-amz-meta-sha256'] as string | undefined,
    modifiedAt: modified || Date.parse(headers['last-modified'] ?? '') || 0,
    etag: headers.etag ?? '',
  }
}

export interface CopyOptions {
  client: S3Client
  bucket: string
  from: string
  to: string
  size: number
  about: About
  /** Only if the source still is this one. */
  etag?: string
  /** Only if there is no file of this name. */
  ifAbsent?: boolean
  /** Larger objects are copied in parts of this size; the protocol allows 5 GiB. */
  partBytes: number
}

/** On the server: the bytes do not pass through here. */
export async function copyObject(options: CopyOptions): Promise<void> {
  const { client, bucket, from, to, size, about, etag, ifAbsent, partBytes } = options
  const source = {
    'x-amz-copy-source': `/${bucket}/${encodeKey(from)}`,
    ...(etag && { 'x-amz-copy-source-if-match': etag }),
  }
  const condition = ifAbsent ? { 'if-none-match': '*' } : undefined
  if (size <= partBytes) {
    const headers = { ...headersOf(about), ...source, ...condition, 'x-amz-metadata-directive': 'REPLACE' }
    await client.ask({ method: 'PUT', key: to, headers })
    return
  }
  const uploadId = await startMultipart(client, to, about)
  try {
    const parts: Part[] = []
    for (let start = 0; start < size; start += partBytes) {
      const range = `bytes=${start}-${Math.min(size, start + partBytes) - 1}`
      const query = { partNumber: String(parts.length + 1), uploadId }
      const { text } = await client.ask({
        method: 'PUT',
        key: to,
        query,
        headers: { ...source, 'x-amz-copy-source-range': range },
      })
      parts.push({ number: parts.length + 1, etag: textIn(text, 'ETag') ?? '' })
    }
    await finishMultipart(client, to, uploadId, parts, condition)
  } catch (error) {
    await abortMultipart(client, to, uploadId)
    throw error
  }
}

export interface Part {
  number: number
  etag: string
}

export async function startMultipart(client: S3Client, key: string, about?: About): Promise<string> {
  const { text } = await client.ask({
    method: 'POST',
    key,
    query: { uploads: '' },
    headers: about ? headersOf(about) : {},
  })
  return textIn(text, 'UploadId')!
}

export async function finishMultipart(
  client: S3Client,
  key: string,
  uploadId: string,
  parts: readonly Part[],
  headers: Record<string, string> = {},
): Promise<void> {
  const list = parts
    .map(({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escape(etag)}</ETag></Part>`)
    .join('')
  const body = Buffer.from(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`)
  await client.ask({ method: 'POST', key, query: { uploadId }, body, headers })
}

export async function abortMultipart(client: S3Client, key: string, uploadId: string): Promise<void> {
  await client.ask({ method: 'DELETE', key, query: { uploadId }, expects: [404] }).catch(() => {})
}

/** The uploads that somebody has begun and not ended, the oldest first. */
export async function multipartsUnder(
  client: S3Client,
  prefix: string,
): Promise<{ key: string; uploadId: string; startedAt: number }[]> {
  const { text } = await client.ask({ method: 'GET', query: { uploads: '', prefix } })
  return elementsIn(text, 'Upload')
    .map((one) => ({
      key: textIn(one, 'Key') ?? '',
      uploadId: textIn(one, 'UploadId') ?? '',
      startedAt: Date.parse(textIn(one, 'Initiated') ?? '') || 0,
    }))
    .filter(({ key }) => key.startsWith(prefix))
    .sort((a, b) => a.startedAt - b.startedAt)
}

/** The parts that have arrived, by number. */
export async function partsOf(
  client: S3Client,
  key: string,
  uploadId: string,
): Promise<Map<number, { etag: string; size: number }>> {
  const parts = new Map<number, { etag: string; size: number }>()
  for (let marker = '0'; ;) {
    const { text } = await client.ask({ method: 'GET', key, query: { uploadId, 'part-number-marker': marker } })
    for (const one of elementsIn(text, 'Part')) {
      parts.set(Number(textIn(one, 'PartNumber')), {
        etag: textIn(one, 'ETag') ?? '',
        size: Number(textIn(one, 'Size')),
      })
    }
    if (textIn(text, 'IsTruncated') !== 'true') return parts
    marker = textIn(text, 'NextPartNumberMarker') ?? marker
  }
}
