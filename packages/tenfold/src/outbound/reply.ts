import { validate, type AnySchema, type OutputOf } from '../kernel/index.ts'
import type { WireReply } from './engine.ts'
import { OutboundInvalid, OutboundStatus, type Called } from './errors.ts'
import type { ClientReply } from './outbound.ts'

const SHOWN = 300

export class Reply implements ClientReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer
  readonly url: string
  readonly attempts: number
  readonly #called: Called

  constructor({ status, headers, bytes, url }: WireReply, called: Called, attempts: number) {
    this.status = status
    this.headers = headers
    this.bytes = bytes
    this.url = url.href
    this.attempts = attempts
    this.#called = called
  }

  text(): string {
    return this.bytes.toString('utf8')
  }

  json(): unknown
  json<S extends AnySchema>(schema: S): Promise<OutputOf<S>>
  json(schema?: AnySchema): unknown {
    return schema ? this.#checked(schema) : this.#parsed()
  }

  raiseForStatus(): this {
    const { status, attempts } = this
    if (status < 400) return this
    const answer = this.text().slice(0, SHOWN).trim()
    throw OutboundStatus({ ...this.#called, status, answer, attempts })
  }

  async #checked(schema: AnySchema): Promise<unknown> {
    const result = await validate(schema, this.bytes.length === 0 ? undefined : this.#parsed())
    if (!result.ok) throw OutboundInvalid({ ...this.#called, issues: result.issues.slice(0, 20) })
    return result.value
  }

  #parsed(): unknown {
    try {
      return JSON.parse(this.text()) as unknown
    } catch (error) {
      const type = this.headers['content-type'] ?? 'without a content-type'
      const issues = [{ path: '', message: `not JSON (${type}, ${this.bytes.length} bytes)` }]
      throw OutboundInvalid({ ...this.#called, issues }, { cause: error })
    }
  }
}
