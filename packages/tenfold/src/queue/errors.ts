import { defineError } from '../kernel/index.ts'

export const JobPayloadTooLarge = defineError('TF_JOB_PAYLOAD_TOO_LARGE', {
  says: (e: { name: string; bytes: number; limit: number }) =>
    `The payload of '${e.name}' is ${e.bytes} bytes as JSON; at most ${e.limit} are allowed.`,
  fix: 'Put the data into a table or into storage, and its id into the payload.',
})

export const JobInvalid = defineError('TF_JOB_INVALID', {
  says: (e: { name: string; reason: string }) => `'${e.name}' cannot be enqueued: ${e.reason}`,
  fix: 'Correct the named option; payloads must be JSON without the character U+0000.',
})

export const JobUnknown = defineError('TF_JOB_UNKNOWN', {
  says: (e: { name: string }) => `No module of this app has a job '${e.name}': nobody would run it.`,
  fix: 'List the job among the parts of its module, `m.build({ parts: [ … ] })`, and the module in `app({ modules })`.',
})

export const JobTimeout = defineError('TF_JOB_TIMEOUT', {
  says: (e: { name: string; timeoutMs: number }) => `'${e.name}' ran for longer than its ${e.timeoutMs} ms.`,
  fix: 'Pass `signal` on to what the job waits for, split the work into smaller jobs, or raise the timeout of this job.',
})

export const JobInterrupted = defineError('TF_JOB_INTERRUPTED', {
  says: (e: { name: string }) =>
    `'${e.name}' was interrupted, because this process is shutting down; another one will run it again.`,
  fix: 'Nothing, if it is rare. Raise the stop timeout of the worker if jobs often need longer than that.',
})

export const JobLeaseLost = defineError('TF_JOB_LEASE_LOST', {
  says: (e: { name: string }) =>
    `The lease of '${e.name}' was lost while it ran: another process may be running it again.`,
  fix: 'Look for code that blocks the event loop for seconds, and for a process that was paused; then for a slow database.',
})

export const QueueFull = defineError('TF_QUEUE_FULL', {
  status: 503,
  says: (e: { waiting: number }) =>
    `${e.waiting} jobs of this process wait to be written; the database does not keep up.`,
  fix: 'Shed load or enqueue more slowly; look at the database if it goes on.',
})

export const EnqueueOutsideTransaction = defineError('TF_ENQUEUE_OUTSIDE_TRANSACTION', {
  says: (e: { name: string }) =>
    `'${e.name}' was enqueued without \`tx\` while a transaction was open: it would run even if that is rolled back.`,
  fix: 'Pass the transaction: `enqueue(input, { tx })`; or enqueue after the transaction has ended.',
})

export const JobEngine = defineError('TF_JOB_ENGINE', {
  says: (e: { name: string; reason: string }) => `'${e.name}' cannot be enqueued on redis: ${e.reason}`,
  fix: "Give the job `engine: 'postgres'`, or leave the option out.",
})

export const JobGaveUp = defineError('TF_JOB_GAVE_UP', {
  says: (e: { reason: string }) => e.reason,
  fix: 'The job said itself that trying again is of no use: correct the cause, then retry or discard the dead letter.',
})

export const JobRetryLater = defineError('TF_JOB_RETRY_LATER', {
  says: (e: { delayMs: number; reason?: string }) => e.reason ?? `The job asked to be tried again in ${e.delayMs} ms.`,
  fix: 'Nothing: it is tried again at the time that it asked for.',
})

export const JobCancelled = defineError('TF_JOB_CANCELLED', {
  says: (e: { name: string; reason: string }) => `'${e.name}' was cancelled: ${e.reason}`,
  fix: 'Nothing, if that was meant. Enqueue it again to run it after all.',
})

export const JobAfterUnknown = defineError('TF_JOB_AFTER_UNKNOWN', {
  says: (e: { name: string; reason: string }) => `'${e.name}' cannot come after what is not there: ${e.reason}`,
  fix: 'Give ids of jobs that exist, or that are enqueued before it in the same transaction, and whose history is kept.',
})

export const JobStepTwice = defineError('TF_JOB_STEP_TWICE', {
  says: (e: { name: string; step: string }) => `'${e.name}' has two steps named '${e.step}' in one run.`,
  fix: 'Give each step a name of its own; in a loop, put the item into the name: step(`mail ${user.id}`, …).',
})

export const JobStepTooLarge = defineError('TF_JOB_STEP_TOO_LARGE', {
  says: (e: { name: string; step: string; bytes: number; limit: number }) =>
    `Step '${e.step}' of '${e.name}' gave ${e.bytes} bytes as JSON; at most ${e.limit} are kept.`,
  fix: 'Put the data into a table or into storage in the step, and return its id.',
})

export const JobSuspended = defineError('TF_JOB_SUSPENDED', {
  says: (e: { name: string }) => `'${e.name}' sleeps: this run has ended, and another goes on from here.`,
  fix: 'Let this error pass: a `catch` around `sleep` or `waitForEvent` should throw it again.',
})

export const JobSealed = defineError('TF_JOB_SEALED', {
  says: (e: { name: string }) => `The payload of '${e.name}' is encrypted, and no key of this process opens it.`,
  fix: 'Give the queue the secret that it was encrypted with, beside the new one, until all such jobs have run.',
})

export const JobInputInvalid = defineError('TF_JOB_INPUT_INVALID', {
  says: (e: { job: string; issues: { path: string; message: string }[] }) =>
    `The input of '${e.job}' does not fit its schema: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct the input. If the job was enqueued by an older release, make the schema accept both forms.',
})
