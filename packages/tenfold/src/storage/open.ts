import { fileURLToPath } from 'node:url'
import type { Clock } from '../kernel/index.ts'
import { createSigner } from './disk/signer.ts'
import { openDiskStorage } from './disk/storage.ts'
import { StorageUrl } from './errors.ts'
import { addressOf } from './s3/address.ts'
import { openS3Storage, type S3StorageOptions } from './s3/storage.ts'
import type { Storage } from './storage.ts'

export interface StorageOptions {
  /** STORAGE_URL: a folder as a path or a `file:` URL, or a bucket as `s3://KEY:SECRET@bucket/prefix?region=…&endpoint=…`.
   *  Defaults to `.tenfold/files`. */
  url?: string
  /** SECRET_KEY, with which URLs are signed. Further ones are accepted too, so that it can be replaced. */
  secrets: readonly [string, ...string[]]
  /** Where the app is reached from outside, such as `https://shop.example`: signed URLs start with it.
   *  Defaults to nothing: they are paths. */
  baseUrl?: string
  clock: Clock
  /** Sizes for buckets. */
  s3?: Pick<S3StorageOptions, 'partBytes' | 'copyBytes' | 'staleAfter'>
}

/** Opens the files of the app.
 *  @example
 *  const storage = await openStorage({ url: config.storageUrl, secrets: [config.secretKey], clock: systemClock })
 *  await storage.put('avatars/42.png', request.body, { maxBytes: 5_000_000 })
 *  const { file, body } = await storage.get('avatars/42.png')
 *  const url = await storage.signedUrl('avatars/42.png', { method: 'GET', expiresIn: '10m' }) */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { url = '.tenfold/files', secrets, baseUrl = '', clock } = options
  const signer = createSigner({ secrets, baseUrl: baseUrl.replace(/\/+$/, ''), clock })
  if (url.startsWith('s3:')) return openS3Storage({ address: addressOf(url), clock, signer, ...options.s3 })
  const directory = directoryOf(url)
  if (directory === undefined) throw StorageUrl({ url })
  return openDiskStorage({ directory, clock, signer })
}

function directoryOf(url: string): string | undefined {
  if (url.startsWith('file:')) return fileURLToPath(url)
  return /^[a-z][a-z0-9+.-]+:/i.test(url) ? undefined : url
}
