import { defineError, type Issue } from '../kernel/index.ts'

export const Internal = defineError('TF_INTERNAL', {
  says: () => 'Something went wrong on our side.',
  fix: 'Find the request id in the log: the line with it has the stack.',
})

export const Invalid = defineError('TF_INVALID', {
  status: 400,
  says: (e: { part: 'params' | 'query' | 'headers' | 'body'; issues: Issue[] }) =>
    `The ${e.part === 'params' ? 'path' : e.part} of the request ${e.part === 'headers' ? 'are' : 'is'} not valid: ${e.issues.length === 1 ? '1 issue' : `${e.issues.length} issues`}.`,
  fix: 'See `errors`: each names the field and what is wrong with it.',
})

export const BadRequest = defineError('TF_BAD_REQUEST', {
  status: 400,
  says: (e: { problem: string }) => `The request cannot be read: ${e.problem}.`,
  fix: 'Send a request that follows RFC 9112, with a well-formed, percent-encoded URL.',
})

export const BodyMalformed = defineError('TF_BODY_MALFORMED', {
  status: 400,
  says: (e: { problem: string }) => `The body of the request cannot be read: ${e.problem}.`,
  fix: 'Send one JSON value in UTF-8, without `__proto__` keys and without NUL characters.',
})

export const BodyTooLarge = defineError('TF_BODY_TOO_LARGE', {
  status: 413,
  says: (e: { limit: number }) => `The body of the request is larger than ${e.limit} bytes.`,
  fix: 'Send less, or raise `bodyLimit` of the route.',
})

export const BodySlow = defineError('TF_BODY_SLOW', {
  status: 408,
  says: (e: { waitedMs: number }) => `The body of the request did not arrive: nothing came for ${e.waitedMs} ms.`,
  fix: 'Send the whole body without long pauses.',
})

export const ContentTypeUnsupported = defineError('TF_CONTENT_TYPE_UNSUPPORTED', {
  status: 415,
  says: (e: { given: string }) => `A body of type '${e.given}' is not accepted here.`,
  fix: "Send `content-type: application/json` without `content-encoding`. For uploads, declare the route with `body: 'stream'`.",
})

export const HeadersTooLarge = defineError('TF_HEADERS_TOO_LARGE', {
  status: 431,
  says: () => 'The URL and headers of the request are too large.',
  fix: 'Keep the URL and all headers together under the limit (16 KiB unless `maxHeaderSize` says otherwise).',
})

export const RequestTimeout = defineError('TF_REQUEST_TIMEOUT', {
  status: 408,
  says: () => 'The request did not arrive in time.',
  fix: 'Send the headers without long pauses.',
})

export const RouteUnknown = defineError('TF_ROUTE_UNKNOWN', {
  status: 404,
  says: (e: { method: string; path: string }) => `There is no ${e.method} ${e.path}.`,
  fix: '`tenfold routes` lists the routes; /docs shows them with their parameters.',
})

export const MethodNotAllowed = defineError('TF_METHOD_NOT_ALLOWED', {
  status: 405,
  says: (e: { method: string; allowed: string[] }) => `${e.method} is not possible here, only ${e.allowed.join(', ')}.`,
  fix: 'Use one of the methods in the `allow` header.',
})

export const SignInRequired = defineError('TF_SIGN_IN_REQUIRED', {
  status: 401,
  says: () => 'This needs a signed-in user.',
  fix: 'Sign in first; send the session cookie, or its token as `authorization: Bearer …`.',
})

export const Forbidden = defineError('TF_FORBIDDEN', {
  status: 403,
  says: (e: { roles: readonly string[] }) => `This needs the role ${e.roles.join(' or ')}.`,
  fix: 'Sign in as a user with that role.',
})

export const Denied = defineError('TF_DENIED', {
  status: 403,
  says: () => 'This client is not served here.',
  fix: 'Look at `deny` of the limits of the route.',
})

export const CrossOrigin = defineError('TF_CROSS_ORIGIN', {
  status: 403,
  says: (e: { origin: string }) => `Requests that change something are not accepted from pages of ${e.origin}.`,
  fix: "Add the page's origin to `http.cors.origins`, or call without cookies, with `authorization: Bearer …`.",
})

export const RateLimited = defineError('TF_RATE_LIMITED', {
  status: 429,
  says: (e: { max: number; perSeconds: number; retrySeconds: number }) =>
    `At most ${e.max} requests in ${e.perSeconds} s. Try again in ${e.retrySeconds} s.`,
  fix: 'Wait as long as the `retry-after` header says.',
})

export const NotFound = defineError('TF_NOT_FOUND', {
  status: 404,
  says: (e: { what: string }) => `${e.what} does not exist.`,
  fix: 'Check the address.',
})

export const RouteTimeout = defineError('TF_ROUTE_TIMEOUT', {
  status: 503,
  says: (e: { route: string; timeoutMs: number }) => `${e.route} did not answer within ${e.timeoutMs} ms.`,
  fix: 'Move slow work into a job, pass `signal` to what you wait for, or raise `timeout` of the route.',
})

export const Overloaded = defineError('TF_OVERLOADED', {
  status: 503,
  says: () => 'More requests come than this process can answer in time.',
  fix: 'Try again after the seconds in `retry-after`. If it lasts, add an instance: the log says how many were turned away.',
})

export const Stopping = defineError('TF_STOPPING', {
  status: 503,
  says: () => 'This process is stopping.',
  fix: 'Try again: another process answers.',
})

export const ReplyInvalid = defineError('TF_REPLY_INVALID', {
  says: (e: { route: string; issues: Issue[] }) =>
    `${e.route} returned what its reply schema does not allow: ${e.issues.map((i) => `${i.path || '(the value)'}: ${i.message}`).join('; ')}`,
  fix: 'Return what the schema declares, or change the schema.',
})

export const PortTaken = defineError('TF_PORT_TAKEN', {
  says: (e: { host: string; port: number }) => `Port ${e.port} on ${e.host} is in use by another program.`,
  fix: (e) => `Stop the other program (\`ss -ltnp 'sport = :${e.port}'\` shows it), or set PORT to a free one.`,
})

export const RouteTwice = defineError('TF_ROUTE_TWICE', {
  says: (e: { route: string; modules: string[] }) => `${e.route} is declared twice, in ${e.modules.join(' and ')}.`,
  fix: 'Remove one of them, or change its path.',
})

export const RedirectUnsafe = defineError('TF_REDIRECT_UNSAFE', {
  says: (e: { url: string }) => `Refused to redirect to '${e.url}'.`,
  fix: "Redirect to a path of this app or to an http(s) URL; pass `{ external: true }` when it may be another site's.",
})
