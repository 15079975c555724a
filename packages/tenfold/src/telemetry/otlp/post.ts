import { Agent as HttpAgent, request as requestHttp, type OutgoingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'

export interface Posted {
  status: number
  retryAfter: string | undefined
}

/** Posts bodies to one address, over one connection that is kept. Not by `fetch`, which costs several times as much as all
 *  that a batch of spans costs otherwise. */
export class Poster {
  private readonly url: URL
  private readonly agent: HttpAgent

  constructor(url: string) {
    this.url = new URL(url)
    this.agent = new (this.isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1 })
  }

  /** Rejects when there is no whole answer within `timeoutMs`, or when `signal` aborts. */
  post(
    body: Uint8Array | string,
    headers: OutgoingHttpHeaders,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Posted> {
    return new Promise((resolve, reject) => {
      const request = (this.isSecure ? requestHttps : requestHttp)(this.url, {
        method: 'POST',
        agent: this.agent,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        signal,
      })
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      request.on('error', reject).on('close', () => clearTimeout(timer))
      request.on('response', (response) => {
        const { statusCode: status = 0, headers: answered } = response
        response.on('error', reject).on('end', () => resolve({ status, retryAfter: answered['retry-after'] }))
        response.resume()
      })
      request.end(body)
    })
  }

  close(): void {
    this.agent.destroy()
  }

  private get isSecure(): boolean {
    return this.url.protocol === 'https:'
  }
}
