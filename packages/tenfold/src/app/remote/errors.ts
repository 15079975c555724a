import { defineError } from '../../kernel/index.ts'

export const RemoteAway = defineError('TF_REMOTE_AWAY', {
  status: 503,
  says: (e: { call: string; at: string; reason: string }) =>
    `${e.call} is answered at ${e.at}, which gave no answer: ${e.reason}`,
  fix: (e) =>
    `Look whether the process behind ${e.at} runs and serves this module (\`tenfold start --modules …\`). What must not fail with it belongs into a job or an event.`,
})

export const RemoteUntrusted = defineError('TF_REMOTE_UNTRUSTED', {
  status: 502,
  says: (e: { call: string; at: string; problem: string }) =>
    `What answers ${e.call} at ${e.at} is not trusted: ${e.problem}.`,
  fix: 'Give both processes the same SECRET_KEY, and look whether REMOTE_<MODULE>_URL leads to a process of this app.',
})

export const RemoteRelease = defineError('TF_REMOTE_RELEASE', {
  status: 501,
  says: (e: { call: string; release: string }) =>
    `The process that serves ${e.call} does not know it: it runs release ${e.release}.`,
  fix: 'Deploy the module before those that call it, and let it answer old and new calls meanwhile.',
})

export const RemoteElsewhere = defineError('TF_REMOTE_ELSEWHERE', {
  status: 502,
  says: (e: { call: string; serves: readonly string[] }) =>
    `${e.call} was sent to a process that does not serve it; it serves ${e.serves.join(', ') || 'no module'}.`,
  fix: 'Correct REMOTE_<MODULE>_URL, or start that process with `--modules` that names the module.',
})

export const RemoteClock = defineError('TF_REMOTE_CLOCK', {
  status: 502,
  says: (e: { call: string; seconds: number }) =>
    `${e.call} was refused: the clocks of the two hosts differ by ${e.seconds} s.`,
  fix: 'Let both hosts keep time (`timedatectl` shows whether they do).',
})

export const CallUnsigned = defineError('TF_CALL_UNSIGNED', {
  status: 401,
  says: () => 'This address is for other processes of the app.',
  fix: 'Nothing calls it by hand. Between processes of the app: give all of them the same SECRET_KEY.',
})

export const CallReplayed = defineError('TF_CALL_REPLAYED', {
  status: 401,
  says: () => 'This very call has come before.',
  fix: 'Whoever repeats a call signs it anew. If you see this without having done anything, somebody between your hosts repeats their traffic: use https.',
})

export const CallMalformed = defineError('TF_CALL_MALFORMED', {
  status: 400,
  says: (e: { problem: string }) => `The call cannot be read: ${e.problem}.`,
  fix: 'Run the same release of tenfold on both hosts.',
})
