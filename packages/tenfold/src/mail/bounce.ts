/** What comes back: delivery status notifications (RFC 3464) and complaints (RFC 5965). */
import { importPeer } from '../kernel/index.ts'

export interface Bounce {
  /** `failed`: given up. `delayed`: still tried. `complaint`: somebody called it spam. */
  kind: 'failed' | 'delayed' | 'complaint'
  /** The enhanced status code (RFC 3463), such as `5.1.1`; empty if there is none. */
  status: string
  /** What the other mail server said. */
  reason: string
  /** The Message-ID of the mail that this is about, as far as it is told. */
  messageId: string | undefined
  /** All addresses that this came to: with VERP, one of them says which mail it is about. */
  recipients: string[]
}

interface Parsed {
  headers: { key: string; value: string }[]
  attachments: { mimeType: string; content: ArrayBuffer | Uint8Array | string }[]
}

/** Undefined for anything else: an answer, an absence note. Needs the npm package `postal-mime`. */
export async function parseBounce(raw: string | Uint8Array): Promise<Bounce | undefined> {
  const { default: PostalMime } = await importPeer('postal-mime', 'bounced mail', () => import('postal-mime'))
  const mail = (await PostalMime.parse(raw, { forceRfc822Attachments: true })) as Parsed
  const part = (type: RegExp): string | undefined => {
    const found = mail.attachments.find(({ mimeType }) => type.test(mimeType))
    if (!found) return undefined
    return typeof found.content === 'string' ? found.content : Buffer.from(found.content as Uint8Array).toString('utf8')
  }
  const original = part(/^(?:message\/rfc822|message\/global|text\/rfc822-headers)/i)
  const common = {
    messageId: original === undefined ? undefined : fieldOf(original.split(/\r?\n\r?\n/, 1)[0]!, 'message-id'),
    recipients: mail.headers
      .filter(({ key }) => ['to', 'delivered-to', 'x-original-to'].includes(key.toLowerCase()))
      .flatMap(({ value }) => value.match(/[^\s<>,;"]+@[^\s<>,;"]+/g) ?? []),
  }
  if (part(/^message\/feedback-report/i) !== undefined)
    return { kind: 'complaint', status: '', reason: 'It was reported as spam.', ...common }
  const report = part(/^message\/(?:global-)?delivery-status/i)
  if (report === undefined) return undefined
  const action = fieldOf(report, 'action')?.toLowerCase()
  if (action !== 'failed' && action !== 'delayed') return undefined
  const reason = fieldOf(report, 'diagnostic-code')?.replace(/^[\w-]+;\s*/, '') ?? ''
  return { kind: action, status: fieldOf(report, 'status')?.split(/\s/, 1)[0] ?? '', reason, ...common }
}

/** Of header-like lines, continued ones joined. */
function fieldOf(text: string, name: string): string | undefined {
  const lines = text.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)
  const line = lines.find((one) => one.toLowerCase().startsWith(`${name}:`))
  return line
    ?.slice(name.length + 1)
    .trim()
    .slice(0, 500)
}
