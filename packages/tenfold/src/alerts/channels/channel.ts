import { AlertNotSent } from '../errors.ts'
import type { Notice } from '../notice.ts'

/** Takes a notice to people. Rejects when it was not taken: then it is tried again. */
export interface Channel {
  readonly kind: ChannelOptions['kind']
  send(notice: Notice): Promise<void>
  close?(): void
}

export interface WebhookOptions {
  kind: 'webhook'
  url: string | undefined
  /** What requests are signed with; at least 16 characters. */
  secret?: string | undefined
}

export interface SlackOptions {
  kind: 'slack'
  /** Of an incoming webhook. */
  url: string | undefined
}

export interface PagerDutyOptions {
  kind: 'pagerduty'
  /** Of an integration "Events API v2". */
  routingKey: string | undefined
  /** Defaults to https://events.pagerduty.com/v2/enqueue. */
  url?: string
}

export interface EmailOptions {
  kind: 'email'
  to: string | readonly string[] | undefined
  from: string
  /** Defaults to SMTP_URL. */
  smtp?: string | undefined
}

/** Where notices go. One whose address is undefined (a variable that is not set) is left out. */
export type ChannelOptions = WebhookOptions | SlackOptions | PagerDutyOptions | EmailOptions

const TIMEOUT_MS = 10_000
const MAX_ANSWER = 200

/** Posts JSON; anything but a status of 2xx is an error. A redirect is not followed: it would take the secret elsewhere. */
export async function post(
  channel: string,
  url: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/json', 'user-agent': 'tenfold-alerts', ...headers },
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    const { cause, message } = error as { cause?: { message?: string; code?: string }; message: string }
    throw AlertNotSent({ channel, reason: cause?.message || cause?.code || message }, { cause: error })
  })
  const answer = await response.text().catch(() => '')
  if (!response.ok)
    throw AlertNotSent({ channel, reason: `it answered ${response.status} ${answer.slice(0, MAX_ANSWER)}`.trim() })
}
