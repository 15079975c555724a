import { defineError } from '../kernel/index.ts'

export const BadApp = defineError('TF_BAD_APP', {
  says: (e: { app: string; problems: string[] }) =>
    `App '${e.app}' cannot start: ${e.problems.length} problem(s) in its modules:\n${e.problems.map((problem) => `  ${problem}`).join('\n')}`,
  fix: 'Correct them; `tenfold check` lists them again without starting anything.',
})

export const CallInvalid = defineError('TF_CALL_INVALID', {
  says: (e: { call: string; side: 'input' | 'output'; issues: { path: string; message: string }[] }) =>
    `The ${e.side} of ${e.call} does not fit its contract: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct the caller (input) or the implementation (output), or change the contract on both sides.',
})

export const JobInputInvalid = defineError('TF_JOB_INPUT_INVALID', {
  says: (e: { job: string; issues: { path: string; message: string }[] }) =>
    `The input of '${e.job}' does not fit its schema: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct the input. If the job was enqueued by an older release, make the schema accept both forms.',
})

export const EventInvalid = defineError('TF_EVENT_INVALID', {
  says: (e: { event: string; issues: { path: string; message: string }[] }) =>
    `The payload of event '${e.event}' does not fit its schema: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct the payload. If it was published by an older release, make the schema accept both forms.',
})

export const CompanionFailed = defineError('TF_COMPANION_FAILED', {
  says: (e: { variable: string; script: string; reason: string }) =>
    `The companion for ${e.variable} (${e.script}) did not start: ${e.reason}`,
  fix: 'Run the script by hand to see what is wrong; it must print its URL as its first line. Or set the variable to a running service.',
})
