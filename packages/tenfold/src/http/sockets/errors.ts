import { defineError, type Issue } from '../../kernel/index.ts'

export const UpgradeRequired = defineError('TF_UPGRADE_REQUIRED', {
  status: 426,
  says: () => 'This address is for WebSockets (RFC 6455, version 13) only.',
  fix: "Open it with `new WebSocket(…)` or the generated client. Behind a proxy: let the `Upgrade` header pass, as the generated balancers' configuration does.",
})

export const SocketInvalid = defineError('TF_SOCKET_INVALID', {
  status: 400,
  says: (e: { issues: Issue[] }) =>
    `The message is not valid: ${e.issues.length === 1 ? '1 issue' : `${e.issues.length} issues`}.`,
  fix: 'See `errors`: each names the field and what is wrong with it.',
})

export const SocketMessage = defineError('TF_SOCKET_MESSAGE', {
  status: 400,
  says: (e: { problem: string }) => `The message cannot be read: ${e.problem}.`,
  fix: 'Send text frames, each one JSON value.',
})

export const SocketRate = defineError('TF_SOCKET_RATE', {
  status: 429,
  says: (e: { perSecond: number }) => `More than ${e.perSecond} messages in a second came, for ten seconds' worth.`,
  fix: 'Send less often, several things in one message; or raise `limits.perSecond` of the socket.',
})

export const SocketSlow = defineError('TF_SOCKET_SLOW', {
  status: 408,
  says: () => 'The client does not read what is sent to it.',
  fix: 'Read faster, or send less: only what has changed, to those who look at it.',
})

export const SocketIdle = defineError('TF_SOCKET_IDLE', {
  status: 408,
  says: (e: { idleMs: number }) => `No message came for ${e.idleMs} ms.`,
  fix: 'Open it again when there is something to say, or raise `limits.idle` of the socket.',
})

export const LiveSlow = defineError('TF_LIVE_SLOW', {
  status: 408,
  says: () => 'Messages came faster than the client reads them.',
  fix: 'Come back, and say which message was seen last; or send less, to those who look at it.',
})
