/** Payloads that the database cannot read: AES-256-GCM, with keys derived from secrets. The first secret encrypts, all of
 *  them decrypt; so a secret is changed by putting the new one first and taking the old one away when its jobs have run.
 *
 *    { "sealed": "<key id>.<iv>.<tag>.<data>" }          base64url; the name of the job is authenticated with it */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { JobSealed } from './errors.ts'

export interface Sealer {
  /** JSON that holds this JSON. */
  seal(name: string, json: string): string
  /** The value, opened if it is sealed. Throws TF_JOB_SEALED if no key fits. */
  open(name: string, value: unknown): unknown
}

export function createSealer(secrets: readonly string[]): Sealer {
  const keys = secrets.map((secret) => {
    const key = Buffer.from(hkdfSync('sha256', secret, 'tenfold', 'payloads of jobs', 32))
    return { id: createHash('sha256').update(key).digest('base64url').slice(0, 8), key }
  })
  return {
    seal(name, json) {
      const first = keys[0]
      if (!first) throw JobSealed({ name })
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', first.key, iv).setAAD(Buffer.from(name))
      const data = Buffer.concat([cipher.update(json, 'utf8'), cipher.final()])
      const parts = [iv, cipher.getAuthTag(), data].map((part) => part.toString('base64url'))
      return `{"sealed":"${[first.id, ...parts].join('.')}"}`
    },
    open(name, value) {
      if (!isSealed(value)) return value
      const [id, ...parts] = value.sealed.split('.')
      const [iv, tag, data] = parts.map((part) => Buffer.from(part, 'base64url'))
      const key = keys.find((one) => one.id === id)?.key
      if (!key || !iv || !tag || !data) throw JobSealed({ name })
      try {
        const cipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(name)).setAuthTag(tag)
        return JSON.parse(Buffer.concat([cipher.update(data), cipher.final()]).toString('utf8')) as unknown
      } catch (error) {
        throw JobSealed({ name }, { cause: error })
      }
    },
  }
}

function isSealed(value: unknown): value is { sealed: string } {
  if (typeof value !== 'object' || value === null) return false
  const { sealed, ...others } = value as { sealed?: unknown }
  return (
    typeof sealed === 'string' && /^[\w-]{8}\.[\w-]{16}\.[\w-]{22}\./.test(sealed) && Object.keys(others).length === 0
  )
}
