import { createHmac } from 'node:crypto'
import type { Notice } from '../notice.ts'
import { type Channel, post, type WebhookOptions } from './channel.ts'

/** The notice as JSON, signed: `x-tenfold-signature: t=<unix seconds>,v1=<HMAC-SHA256 of "<t>.<body>" in hex>`. A receiver
 *  recomputes it, compares in constant time, and refuses what is older than five minutes. */
export function webhook({ secret }: WebhookOptions, url: string): Channel {
  return {
    kind: 'webhook',
    send(notice: Notice) {
      const body = JSON.stringify(notice)
      const seconds = Math.floor(Date.now() / 1000)
      return post('webhook', url, body, {
        'x-tenfold-dedup-key': notice.dedupKey,
        ...(secret !== undefined && { 'x-tenfold-signature': `t=${seconds},v1=${signature(secret, seconds, body)}` }),
      })
    },
  }
}

function signature(secret: string, seconds: number, body: string): string {
  return createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
}
