import { defineError } from '../kernel/index.ts'

export const ProcessNotReady = defineError('TF_PROCESS_NOT_READY', {
  says: (e: { process: string; why: string }) => `Process '${e.process}' did not get ready: ${e.why}.`,
  fix: 'What it printed before says why. `tenfold start --processes 1` runs the app in one process, without a supervisor.',
})

export const CrashLoop = defineError('TF_CRASH_LOOP', {
  says: (e: { process: string; times: number; last: string }) =>
    `No process stays up: '${e.process}' ended ${e.times} times in a row soon after its start, last with ${e.last}.`,
  fix: 'The lines that the processes printed before they ended say why. Nothing is started again until you start it.',
})

export const ReloadFailed = defineError('TF_RELOAD_FAILED', {
  says: (e: { process: string; why: string; replaced: number; of: number }) =>
    e.replaced === 0
      ? `Nothing was replaced, the processes from before go on: the new '${e.process}' did not get ready (${e.why}).`
      : `Only ${e.replaced} of ${e.of} processes were replaced: the new '${e.process}' did not get ready (${e.why}).`,
  fix: 'Mend the release, or put the one from before back in its place, and run `tenfold reload` again.',
})

export const NothingToReload = defineError('TF_NOTHING_TO_RELOAD', {
  says: (e: { folder: string }) => `No app that can be reloaded runs from ${e.folder}.`,
  fix: '`tenfold start --processes 2`, or NODE_ENV=production with DATABASE_URL, runs an app under a supervisor, which can reload it. An app in one process is started again instead.',
})

export const ProcessesUnsupported = defineError('TF_PROCESSES_UNSUPPORTED', {
  says: (e: { platform: string }) => `Several processes cannot share one port on ${e.platform}.`,
  fix: 'Start with --processes 1, or run several instances on ports of their own behind a load balancer.',
})

export const ReleaseRolledBack = defineError('TF_RELEASE_ROLLED_BACK', {
  says: (e: { place: string; why: string; restored: number }) =>
    `The new release did not get ready on '${e.place}': ${e.why}. ` +
    (e.restored === 0
      ? 'The release from before was not touched.'
      : `The release from before is back on ${e.restored}.`),
  fix: 'What the instance printed says why it did not get ready. Mend the release, and deploy it again.',
})

export const BalancerSilent = defineError('TF_BALANCER_SILENT', {
  says: (e: { url: string; said: string }) =>
    `The load balancer at ${e.url} does not answer as it should (/health/ready: ${e.said}). Nothing was changed.`,
  fix: 'See whether it runs, whether it knows the instances, and whether they are ready; then deploy again.',
})
