import { defineError } from '../kernel/index.ts'

export const StorageKeyInvalid = defineError('TF_STORAGE_KEY', {
  status: 400,
  says: (e: { key: string; reason: string }) => `'${e.key}' cannot be the key of a file: ${e.reason}.`,
  fix: "Use 1 to 1024 bytes of text without NUL and without '.' or '..' between slashes, such as 'avatars/42.png'.",
})

export const StorageNotFound = defineError('TF_STORAGE_NOT_FOUND', {
  status: 404,
  says: (e: { key: string }) => `There is no file '${e.key}'.`,
  fix: 'Check the key; `list` shows those that exist.',
})

export const StorageTooLarge = defineError('TF_STORAGE_TOO_LARGE', {
  status: 413,
  says: (e: { key: string; maxBytes: number }) =>
    `The file '${e.key}' is larger than the ${e.maxBytes} bytes that are allowed.`,
  fix: 'Send a smaller file, or raise `maxBytes` where it is stored.',
})

export const StorageChecksum = defineError('TF_STORAGE_CHECKSUM', {
  status: 422,
  says: (e: { key: string; expected: string; actual: string }) =>
    `The file '${e.key}' arrived with the SHA-256 ${e.actual}, but ${e.expected} was announced.`,
  fix: 'Send it again: it was changed or cut off on its way.',
})

export const StorageType = defineError('TF_STORAGE_TYPE', {
  status: 415,
  says: (e: { key: string; contentType: string }) =>
    `The file '${e.key}' is said to be ${e.contentType}, but its bytes are not those of an image.`,
  fix: 'Send PNG, JPEG, GIF, WebP, AVIF, HEIC, BMP, TIFF or ICO, or give the type that the file really has.',
})

export const StorageTypeInvalid = defineError('TF_STORAGE_TYPE_INVALID', {
  status: 400,
  says: (e: { contentType: string }) => `'${e.contentType}' is not a content type.`,
  fix: "Give a media type such as 'image/png' or 'text/csv; charset=utf-8'.",
})

export const StorageRange = defineError('TF_STORAGE_RANGE', {
  status: 416,
  says: (e: { key: string; size: number }) => `The range lies outside of the ${e.size} bytes of '${e.key}'.`,
  fix: 'Ask for bytes that exist, or for the whole file.',
})

export const StorageSignature = defineError('TF_STORAGE_SIGNATURE', {
  status: 403,
  says: (e: { reason: 'expired' | 'wrong' }) =>
    e.reason === 'expired' ? 'This link has expired.' : 'This link was not made by this app, or was changed since.',
  fix: 'Ask for a new link.',
})

export const StorageDamaged = defineError('TF_STORAGE_DAMAGED', {
  says: (e: { key: string }) => `The stored file of '${e.key}' is damaged: its end is not as it was written.`,
  fix: 'Restore it from a backup, and check the disk.',
})

export const StorageEscape = defineError('TF_STORAGE_ESCAPE', {
  says: (e: { key: string }) => `A symbolic link lies on the way to the file '${e.key}'.`,
  fix: 'Remove the link: only tenfold may make entries in the folder of the storage.',
})

export const StorageUrl = defineError('TF_STORAGE_URL', {
  says: (e: { url: string; reason?: string }) =>
    e.reason
      ? `STORAGE_URL '${e.url}' cannot be used: ${e.reason}.`
      : `STORAGE_URL is '${e.url}', which names no storage that is known.`,
  fix: "Give a folder, as 'file:///var/lib/shop/files' or './files', or a bucket, as 's3://KEY:SECRET@bucket?region=eu-central-1', or leave STORAGE_URL out for '.tenfold/files'.",
})

export const StorageExists = defineError('TF_STORAGE_EXISTS', {
  status: 409,
  says: (e: { key: string }) => `There is a file '${e.key}' already.`,
  fix: 'Choose another key, or leave `ifAbsent` out to replace it.',
})

export const StorageRefused = defineError('TF_STORAGE_REFUSED', {
  says: (e: { what: string; status: number; code: string }) =>
    `The object storage refused ${e.what}: ${e.code || 'no reason'} (${e.status}).`,
  fix: 'Look up the code: the key of STORAGE_URL may lack a right, the bucket may be another, or the clock of this machine is wrong.',
})

export const StorageAway = defineError('TF_STORAGE_AWAY', {
  status: 503,
  says: (e: { where: string; reason: string }) => `The object storage at ${e.where} does not answer: ${e.reason}`,
  fix: 'Look whether the endpoint in STORAGE_URL is right and can be reached from this machine.',
})
