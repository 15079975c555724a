import { StorageKeyInvalid } from './errors.ts'

/** @param limits.reserved what no key may begin with, as the storage keeps it for itself
 *  @param limits.longest bytes; fewer than 1024 where a prefix takes some */
export function checkKey(key: string, limits: { reserved?: string; longest?: number } = {}): void {
  const { reserved, longest = 1024 } = limits
  const refuse = (reason: string): never => {
    throw StorageKeyInvalid({
      key: key
        .slice(0, 100)
        .toWellFormed()
        .replace(/\p{Cc}/gu, '?'),
      reason,
    })
  }
  if (key === '') refuse('it is empty')
  if (Buffer.byteLength(key) > longest) refuse(`it is longer than ${longest} bytes`)
  if (!key.isWellFormed()) refuse('it holds half of a surrogate pair')
  if (key.includes('\0')) refuse('it holds NUL')
  if (key.split('/').some((part) => part === '.' || part === '..')) refuse("it holds '.' or '..' as a part")
  if (reserved !== undefined && key.startsWith(reserved)) refuse(`'${reserved}' is kept for uploads`)
}
