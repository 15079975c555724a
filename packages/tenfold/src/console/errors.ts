import { defineError } from '../kernel/index.ts'

export const ConsoleOpen = defineError('TF_CONSOLE_OPEN', {
  says: (e: { host: string }) => `The console would listen on '${e.host}' without asking for a token.`,
  fix: 'Set TENFOLD_CONSOLE_TOKEN to a secret of 16 characters or more, or keep the console on 127.0.0.1.',
})

export const ConsoleTokenShort = defineError('TF_CONSOLE_TOKEN_SHORT', {
  says: (e: { length: number }) => `The console's token has ${e.length} characters; it needs 16 or more.`,
  fix: 'Set TENFOLD_CONSOLE_TOKEN to a random secret, for example the output of `openssl rand -base64 24`.',
})

export const ConsoleAssetsMissing = defineError('TF_CONSOLE_ASSETS_MISSING', {
  says: (e: { directory: string }) => `The console's pages are not in '${e.directory}'.`,
  fix: 'In the repository run `npm run prepare`; in an app reinstall tenfold with `npm ci`.',
})

export const ConsolePortTaken = defineError('TF_CONSOLE_PORT_TAKEN', {
  says: (e: { host: string; port: number }) => `The console cannot listen on ${e.host}:${e.port}: the port is taken.`,
  fix: 'Stop the other program, or set CONSOLE_PORT to another port.',
})

export const ConsoleSignIn = defineError('TF_CONSOLE_SIGN_IN', {
  status: 401,
  says: (e: { why: 'no-session' | 'wrong-token' }) =>
    e.why === 'wrong-token' ? 'That is not the token.' : 'Sign in to see this.',
  fix: 'Use the value of TENFOLD_CONSOLE_TOKEN that the app was started with.',
})

export const ConsoleReadOnly = defineError('TF_CONSOLE_READ_ONLY', {
  status: 403,
  says: () => 'This session may look at everything, and change nothing.',
  fix: 'Sign in with the value of TENFOLD_CONSOLE_TOKEN to do this.',
})

export const ConsoleThrottled = defineError('TF_CONSOLE_THROTTLED', {
  status: 429,
  says: (e: { retryAfterSeconds: number }) => `Too many attempts to sign in. Try again in ${e.retryAfterSeconds} s.`,
  fix: 'Wait, then use the value of TENFOLD_CONSOLE_TOKEN.',
})

export const ConsoleForeignHost = defineError('TF_CONSOLE_FOREIGN_HOST', {
  status: 403,
  says: (e: { host: string }) =>
    `The console without a token answers on this machine's own names only, not on '${e.host}'.`,
  fix: 'Open it as http://localhost or http://127.0.0.1, or set TENFOLD_CONSOLE_TOKEN to serve other names.',
})

export const ConsoleForeignOrigin = defineError('TF_CONSOLE_FOREIGN_ORIGIN', {
  status: 403,
  says: () => 'Actions are accepted from the console’s own pages only.',
  fix: 'From a program send the header `x-tenfold-console: 1`. A proxy in front has to pass the Host header on unchanged.',
})

export const ConsoleBadRequest = defineError('TF_CONSOLE_BAD_REQUEST', {
  status: 400,
  says: (e: { field: string; expected: string }) => `'${e.field}' has to be ${e.expected}.`,
  fix: 'Correct the address or the body of the request.',
})

export const ConsoleNotFound = defineError('TF_CONSOLE_NOT_FOUND', {
  status: 404,
  says: (e: { what: string }) => `There is no ${e.what}.`,
  fix: 'It may have been removed since the page was loaded: old traces, logs and finished jobs are deleted after a while.',
})

export const ConsoleBusy = defineError('TF_CONSOLE_BUSY', {
  status: 503,
  says: (e: { streams: number }) => `${e.streams} pages are already following live.`,
  fix: 'Close some of the console’s tabs.',
})

export const ConsoleFailed = defineError('TF_CONSOLE_FAILED', {
  status: 500,
  says: (e: { what: string }) => `The console could not answer ${e.what}.`,
  fix: 'The app’s log has the cause, in a line saying "console request failed".',
})
