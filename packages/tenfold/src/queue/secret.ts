/** Payloads that the database cannot read, as JSON: `{ "sealed": "<what the kernel has sealed>" }`. */
import { createSeal } from '../kernel/index.ts'
import { JobSealed } from './errors.ts'

export interface Sealer {
  /** JSON that holds this JSON. */
  seal(name: string, json: string): string
  /** The value, opened if it is sealed. Throws TF_JOB_SEALED if no key fits. */
  open(name: string, value: unknown): unknown
}

export function createSealer(secrets: readonly string[]): Sealer {
  const keys = createSeal(secrets, 'payloads of jobs')
  return {
    seal(name, json) {
      const sealed = keys.seal(name, json)
      if (sealed === undefined) throw JobSealed({ name })
      return `{"sealed":"${sealed}"}`
    },
    open(name, value) {
      if (!isSealed(value)) return value
      const json = keys.open(name, value.sealed)
      if (json === undefined) throw JobSealed({ name })
      return JSON.parse(json) as unknown
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
