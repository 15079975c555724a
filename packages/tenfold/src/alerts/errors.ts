import { defineError } from '../kernel/index.ts'

export const BadAlerts = defineError('TF_BAD_ALERTS', {
  says: (e: { problems: string[] }) => `The alerts of tenfold.config.ts cannot be used: ${e.problems.join('; ')}.`,
  fix: 'See docs/guide/alerts.md for what a rule and a channel are.',
})

export const AlertUnknown = defineError('TF_ALERT_UNKNOWN', {
  says: (e: { what: string; known: string[] }) => `There is no ${e.what}. There are: ${e.known.join(', ') || 'none'}.`,
  fix: 'Run `tenfold alerts list` for the rules and `tenfold alerts test` for the channels.',
  status: 404,
})

export const AlertNotSent = defineError('TF_ALERT_NOT_SENT', {
  says: (e: { channel: string; reason: string }) =>
    `The alert could not be sent through channel '${e.channel}': ${e.reason}`,
  fix: 'It is tried again. `tenfold alerts test <channel>` sends a test and says what went wrong.',
})
