import type { Readable } from 'node:stream'

/** An answer that is not plain JSON of the reply schema. Made by the reply helpers: `stream`, `html`, `redirect` … */
export class Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer | Readable | AsyncIterable<string | Uint8Array> | undefined

  constructor(status: number, headers: Record<string, string>, body?: Reply['body']) {
    this.status = status
    this.headers = headers
    this.body = body
  }
}
