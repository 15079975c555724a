import { hashOf } from './postgres/sessions.ts'

/** A session's id as the stores know it. */
interface SessionDigest {
  hash: Buffer
  /** The hash as text. */
  key: string
}

/** The hashes of ids that came lately: a busy client sends the same id thousands of times, and hashing it costs as much as a
 *  span. Ids lie here as they come in with every request, in the memory of the process only. */
export class SessionDigests {
  readonly #known = new Map<string, SessionDigest>()

  /** Undefined for what cannot be an id. */
  of(id: string): SessionDigest | undefined {
    const known = this.#known.get(id)
    if (known) return known
    const hash = hashOf(id)
    if (!hash) return undefined
    const digest = { hash, key: hash.toString('base64url') }
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(id, digest)
    return digest
  }
}

const MAX_KNOWN = 2000
