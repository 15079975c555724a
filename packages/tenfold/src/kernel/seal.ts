/** Text that whoever has only the database cannot read: AES-256-GCM, with keys derived from secrets. The first secret seals,
 *  all of them open; so a secret is changed by putting the new one first, and taking the old one away when nothing sealed
 *  with it is left.
 *
 *    <key id>.<iv>.<tag>.<data>          base64url; the name is authenticated with it */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

export interface Seal {
  /** Undefined without a secret. */
  seal(name: string, text: string): string | undefined
  /** Undefined if no key fits, or the text was sealed under another name or changed since. */
  open(name: string, sealed: string): string | undefined
}

/** @param purpose keys of different purposes open nothing of each other */
export function createSeal(secrets: readonly string[], purpose: string): Seal {
  const keys = secrets.map((secret) => {
    const key = Buffer.from(hkdfSync('sha256', secret, 'tenfold', purpose, 32))
    return { id: createHash('sha256').update(key).digest('base64url').slice(0, 8), key }
  })
  return {
    seal(name, text) {
      const first = keys[0]
      if (!first) return undefined
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', first.key, iv).setAAD(Buffer.from(name))
      const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return [first.id, ...[iv, cipher.getAuthTag(), data].map((part) => part.toString('base64url'))].join('.')
    },
    open(name, sealed) {
      const [id, ...parts] = sealed.split('.')
      const [iv, tag, data] = parts.map((part) => Buffer.from(part, 'base64url'))
      const key = keys.find((one) => one.id === id)?.key
      if (!key || !iv || !tag || !data) return undefined
      try {
        const cipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(name)).setAuthTag(tag)
        return Buffer.concat([cipher.update(data), cipher.final()]).toString('utf8')
      } catch {
        return undefined
      }
    },
  }
}
