import { defineError } from '../kernel/index.ts'

export const CronInvalid = defineError('TF_CRON_INVALID', {
  says: (e: { name: string; schedule: string; reason: string }) =>
    `The schedule '${e.schedule}' of cron '${e.name}' cannot be read: ${e.reason}`,
  fix: "Write five fields (minute, hour, day, month, weekday) such as '0 4 * * *', or six with seconds first, and an IANA time zone.",
})

export const CronNeverFires = defineError('TF_CRON_NEVER_FIRES', {
  says: (e: { name: string; schedule: string }) => `The schedule '${e.schedule}' of cron '${e.name}' never comes true.`,
  fix: 'Look at day and month together: there is no 30 February.',
})

export const CronDuplicate = defineError('TF_CRON_DUPLICATE', {
  says: (e: { name: string }) => `There are two crons named '${e.name}'.`,
  fix: 'Give one of them another name.',
})

export const CronUnknown = defineError('TF_CRON_UNKNOWN', {
  status: 404,
  says: (e: { name: string }) => `There is no cron named '${e.name}'.`,
  fix: 'The page Crons of the console shows all names; they are of the form module.name.',
})
