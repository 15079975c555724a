import { defineError, type Issue } from '../kernel/index.ts'

export const WebhookUnverified = defineError('TF_WEBHOOK_UNVERIFIED', {
  status: 401,
  says: (e: { problem: string }) => `The webhook is not accepted: ${e.problem}.`,
  fix: 'Sign `id.timestamp.body` as in Standard Webhooks, with the secret of this receiver, and the time now.',
})

export const WebhookSecret = defineError('TF_WEBHOOK_SECRET', {
  says: (e: { bytes: number }) => `A webhook secret holds ${e.bytes} bytes of base64 and must hold 24 to 64.`,
  fix: 'Use `newWebhookSecret()`, or the secret that the sender shows, with its `whsec_`.',
})

export const WebhookUrl = defineError('TF_WEBHOOK_URL', {
  status: 422,
  says: (e: { problem: string }) => `Webhooks cannot be sent there: ${e.problem}`,
  fix: 'Give an https URL on the public internet. For hosts of your own, see `allowPrivate` and `allowHttp` of webhooks().',
})

export const WebhookType = defineError('TF_WEBHOOK_TYPE', {
  status: 422,
  says: (e: { type: string; known: string[] }) =>
    `There is no webhook '${e.type}'. There are: ${e.known.join(', ') || 'none'}.`,
  fix: 'Name one of those, or add it to `events` of webhooks().',
})

export const WebhookInvalid = defineError('TF_WEBHOOK_INVALID', {
  says: (e: { type: string; issues: Issue[] }) =>
    `The data of webhook '${e.type}' does not fit its schema: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct the caller, or the schema in `events` of webhooks().',
})

export const WebhookFailed = defineError('TF_WEBHOOK_FAILED', {
  says: (e: { endpoint: string; problem: string; gone: boolean; retryAfterMs: number }) =>
    `The webhook to endpoint ${e.endpoint} failed: ${e.problem}`,
  fix: 'It is tried again by its schedule. `tenfold webhooks list` shows how its endpoint is doing.',
})

export const WebhookBody = defineError('TF_WEBHOOK_BODY', {
  status: 400,
  says: (e: { issues: Issue[] }) =>
    `The body of the webhook is not what was expected: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Compare the schema of the receiver with what the sender documents; it may have changed.',
})
