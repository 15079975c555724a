import { defineError } from '../kernel/index.ts'

export const BadApp = defineError('TF_BAD_APP', {
  says: (e: { app: string; problems: string[] }) =>
    `App '${e.app}' cannot start: ${e.problems.length} problem(s) in its modules:\n${e.problems.map((problem) => `  ${problem}`).join('\n')}`,
  fix: 'Correct them; `tenfold check` lists them again without starting the app.',
})

export const CallInvalid = defineError('TF_CALL_INVALID', {
  says: (e: { call: string; side: 'input' | 'output'; issues: { path: string; message: string }[] }) =>
    `The ${e.side} of ${e.call} does not fit its contract: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct the caller (input) or the implementation (output), or change the contract on both sides.',
})

export const Sealed = defineError('TF_SEALED', {
  says: (e: { module: string }) => `A sealed value of module '${e.module}' cannot be opened with this SECRET_KEY.`,
  fix: 'Start with the SECRET_KEY that it was sealed with, or store the value anew.',
})

export const EventInvalid = defineError('TF_EVENT_INVALID', {
  says: (e: { event: string; issues: { path: string; message: string }[] }) =>
    `The payload of event '${e.event}' does not fit its schema: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct the payload. If it was published by an older release, make the schema accept both forms.',
})

export const LiveInvalid = defineError('TF_LIVE_INVALID', {
  says: (e: { live: string; issues: { path: string; message: string }[] }) =>
    `A message of '${e.live}' does not fit its schema: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct what is sent, or the schema of the definition.',
})

export const TrackInvalid = defineError('TF_TRACK_INVALID', {
  says: (e: { name: string; issues: { path: string; message: string }[] }) =>
    `The event '${e.name}' of analytics cannot be kept: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Give the properties that its definition declares, and `user` or `anonymous`.',
  status: 400,
})

export const CompanionFailed = defineError('TF_COMPANION_FAILED', {
  says: (e: { variable: string; script: string; reason: string }) =>
    `The companion for ${e.variable} (${e.script}) did not start: ${e.reason}`,
  fix: 'Run the script by hand to see what is wrong; it must print its URL as its first line. Or set the variable to a running service.',
})

export const BatchLength = defineError('TF_BATCH_LENGTH', {
  says: (e: { call: string; inputs: number; outputs: number | undefined }) =>
    `${e.call} was given ${e.inputs} input(s) and returned ${e.outputs === undefined ? 'no array' : `${e.outputs} output(s)`}.`,
  fix: 'Return one output for each of `inputs`, in their order; where one has no answer, return what the output schema allows for that (`null`, say).',
})

export const LoaderMissing = defineError('TF_LOADER_MISSING', {
  says: (e: { loader: string; key: string }) => `Loader '${e.loader}' found nothing for the key '${e.key}'.`,
  fix: "Look whether the key is right and the row still there; without `missing: 'error'` the loader gives undefined.",
})

export const LoaderRows = defineError('TF_LOADER_ROWS', {
  says: (e: { loader: string }) => `Loader '${e.loader}' returned rows, and does not say which key each of them has.`,
  fix: "Give it `by: 'id'` (the column that holds the key), or return a Map by key.",
})

export const NPlusOneFound = defineError('TF_N_PLUS_ONE', {
  says: (e: { findings: string[] }) =>
    `${e.findings.length} N+1 quer${e.findings.length === 1 ? 'y' : 'ies'} ran in this test:\n\n${e.findings.join('\n\n')}\n`,
  fix: "Mend them as each of them says; one that is meant can be allowed by name: `startTestApp(app, { nPlusOne: { allow: ['GET /orders'] } })`.",
})
