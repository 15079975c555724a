import { defineError } from '../kernel/index.ts'

export const BackupImpossible = defineError('TF_BACKUP_IMPOSSIBLE', {
  says: (e: { why: string[] }) => `This database cannot be backed up as things are: ${e.why.join('; ')}.`,
  fix: "Give the user of DATABASE_URL the right to replicate (`alter role … replication`), or install pg_dump of the server's version or a newer one (Debian: apt-get install postgresql-client).",
})

export const BackupFailed = defineError('TF_BACKUP_FAILED', {
  says: (e: { id: string; reason: string }) => `Backup ${e.id} was not made: ${e.reason}`,
  fix: 'Nothing was kept of it. Correct what the message names and run `tenfold backup` again.',
})

export const BackupDiskFull = defineError('TF_BACKUP_DISK_FULL', {
  says: (e: { what: string }) => `No space left while ${e.what}.`,
  fix: 'Free some space, keep fewer backups (`backup.keep`), or keep them elsewhere (`backup.to`).',
})

export const BackupUnknown = defineError('TF_BACKUP_UNKNOWN', {
  says: (e: { id: string }) => `There is no backup '${e.id}'.`,
  fix: 'Run `tenfold backup list`; `latest` names the newest one.',
})

export const BackupDamaged = defineError('TF_BACKUP_DAMAGED', {
  says: (e: { file: string; reason: string }) => `The stored file ${e.file} is damaged: ${e.reason}.`,
  fix: 'Restore another backup, and look at the disk that holds this one.',
})

export const BackupWalMissing = defineError('TF_BACKUP_WAL_MISSING', {
  says: (e: { segment: string; from: string; wanted: string }) =>
    `The log segment ${e.segment} is missing: from this backup (${e.from}) no later moment than its end can be restored; asked for was ${e.wanted}.`,
  fix: 'Restore without --until, or from a backup that was made after the gap.',
})

export const BackupUntil = defineError('TF_BACKUP_UNTIL', {
  says: (e: { until: string; earliest: string; latest: string }) =>
    `${e.until} cannot be restored: this backup leads from ${e.earliest} to ${e.latest}.`,
  fix: 'Choose a moment between the two, another backup (`tenfold backup list`), or `--until latest`.',
})

export const BackupOtherVersion = defineError('TF_BACKUP_OTHER_VERSION', {
  says: (e: { backup: string; here: string; does: string }) =>
    `The backup was made by Postgres ${e.backup}; ${e.does} is ${e.here}.`,
  fix: 'A base backup is read by its own major version only: unpack it (`--unpack`) for a server of that version. A dump needs pg_restore of its version or a newer one.',
})

export const RestoreTarget = defineError('TF_RESTORE_TARGET', {
  says: (e: { target: string; reason: string }) => `Cannot restore to ${e.target}: ${e.reason}.`,
  fix: 'A base backup goes to a folder, such as --to .tenfold/postgres; a dump to a folder or to postgres://…',
})

export const RestoreWouldLose = defineError('TF_RESTORE_WOULD_LOSE', {
  says: (e: { target: string; lost: string }) => `${e.target} is not empty. Restoring would replace ${e.lost}.`,
  fix: 'Say --force if that is meant (of a folder, the old data is kept beside it), or restore to another place.',
})

export const RestoreFailed = defineError('TF_RESTORE_FAILED', {
  says: (e: { target: string; reason: string }) => `Restoring to ${e.target} failed: ${e.reason}`,
  fix: 'What was there before has not been touched. The lines above come from the server or the tool that restores.',
})

export const BadKeep = defineError('TF_BACKUP_KEEP', {
  says: (e: { given: string }) => `'${e.given}' does not say which backups to keep.`,
  fix: "Write numbers with d, w, m or y, separated by slashes: '7d/4w/12m' keeps one for each of 7 days, 4 weeks and 12 months.",
})
