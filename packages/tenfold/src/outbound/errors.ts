import { defineError, type Issue } from '../kernel/index.ts'

/** What a call was, for people: never a value out of its path or query. */
export interface Called {
  client: string
  /** `POST payments.example/charges` */
  call: string
}

export const OutboundFailed = defineError('TF_OUTBOUND_FAILED', {
  status: 502,
  says: (e: Called & { reason: string; attempts: number }) =>
    `${e.call} (${e.client}) failed${e.attempts > 1 ? ` ${e.attempts} times` : ''}: ${e.reason}`,
  fix: 'See whether the other side runs and can be reached from here. Work that can wait belongs into a job, which tries again.',
})

export const OutboundTimeout = defineError('TF_OUTBOUND_TIMEOUT', {
  status: 504,
  says: (e: Called & { phase: 'connection' | 'headers' | 'body'; ms: number; attempts: number }) =>
    `${e.call} (${e.client}) took too long: no ${e.phase === 'body' ? 'more of the body' : e.phase} within ${e.ms} ms${e.attempts > 1 ? `, ${e.attempts} times` : ''}.`,
  fix: 'Ask the other side why it is slow. If it is always so, call it from a job, or raise `timeout` of the client.',
})

export const OutboundDeadline = defineError('TF_OUTBOUND_DEADLINE', {
  status: 504,
  says: (e: Called & { ms: number; whose: 'call' | 'caller'; attempts: number }) =>
    `${e.call} (${e.client}) was not done when the deadline of ${e.whose === 'call' ? 'the call' : 'its caller'} came, after ${e.ms} ms.`,
  fix: 'The answer came too late for whoever asked. Call it from a job, or raise `deadline` of the client and `timeout` of the route.',
})

export const OutboundStatus = defineError('TF_OUTBOUND_STATUS', {
  status: 502,
  says: (e: Called & { status: number; answer: string; attempts: number }) =>
    `${e.call} (${e.client}) answered ${e.status}${e.answer && `: ${e.answer}`}`,
  fix: 'From 400 on it is the request, from 500 on the other side; `details.answer` has the beginning of what it said. Use `client.request(…)` to look at a status yourself.',
})

export const OutboundInvalid = defineError('TF_OUTBOUND_INVALID', {
  status: 502,
  says: (e: Called & { issues: Issue[] }) =>
    `The reply of ${e.call} (${e.client}) is not what was expected: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Compare the schema in `reply` with what the other side documents; it may have changed.',
})

export const OutboundTooLarge = defineError('TF_OUTBOUND_TOO_LARGE', {
  status: 502,
  says: (e: Called & { limit: number }) => `The reply of ${e.call} (${e.client}) is larger than ${e.limit} bytes.`,
  fix: 'Ask for less (a page, fewer fields), or raise `maxBytes` of the call.',
})

export const OutboundOpen = defineError('TF_OUTBOUND_OPEN', {
  status: 503,
  says: (e: Called & { retryInMs: number }) =>
    `${e.call} (${e.client}) was not sent: most calls to this host have failed, so it is left alone for ${e.retryInMs} ms more.`,
  fix: 'Look at the earlier failures of this host. Answer without it, or call from a job, which tries again later.',
})

export const OutboundBusy = defineError('TF_OUTBOUND_BUSY', {
  status: 503,
  says: (e: Called & { running: number; waiting: number }) =>
    `${e.call} (${e.client}) was not sent: ${e.running} calls to this host run and ${e.waiting} wait.`,
  fix: 'The host answers slower than it is asked. Ask less (a cache, a job with `concurrency`), or raise `atOnce` and `waiting` of the client.',
})

export const OutboundPrivate = defineError('TF_OUTBOUND_PRIVATE', {
  status: 400,
  says: (e: { host: string }) => `'${e.host}' is not a public address.`,
  fix: 'Give an address on the public internet. For hosts of your own, name them in `allowPrivate` of the client, or give the client a `baseUrl`.',
})

export const OutboundUrl = defineError('TF_OUTBOUND_URL', {
  status: 400,
  says: (e: { client: string; problem: string }) => `The address of a call (${e.client}) cannot be used: ${e.problem}.`,
  fix: 'Without `baseUrl`, give a whole http(s) URL without user and password. With it, a path that begins with `/` and stays there.',
})

export const OutboundRedirects = defineError('TF_OUTBOUND_REDIRECTS', {
  status: 502,
  says: (e: Called & { most: number }) => `${e.call} (${e.client}) redirected more than ${e.most} times.`,
  fix: 'Call the address that it leads to, or raise `redirects` of the client.',
})

export const OutboundSetting = defineError('TF_OUTBOUND_SETTING', {
  says: (e: { client: string; problem: string }) => `Client '${e.client}' cannot be made: ${e.problem}.`,
  fix: 'Correct the options of the client.',
})
