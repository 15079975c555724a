import { defineError } from '../kernel/index.ts'

export const UnknownCommand = defineError('TF_UNKNOWN_COMMAND', {
  says: (e: { command: string; nearest: string }) => `There is no command '${e.command}'. Did you mean '${e.nearest}'?`,
  fix: 'Run `tenfold help` for the list of commands.',
})

export const UnknownOption = defineError('TF_UNKNOWN_OPTION', {
  /** `command` is empty when the option stands before any command. */
  says: (e: { option: string; command: string; nearest: string | undefined }) =>
    `'${`tenfold ${e.command}`.trim()}' has no option ${e.option}.${e.nearest ? ` Did you mean ${e.nearest}?` : ''}`,
  fix: ({ option, command }) =>
    /^--(port|host)$/.test(option) && /^(start|dev)$/.test(command)
      ? `The environment says it: \`${option.slice(2).toUpperCase()}=… tenfold ${command}\`.`
      : `Run \`${`tenfold ${command}`.trim()} --help\` for its options.`,
})

export const UnexpectedArgument = defineError('TF_UNEXPECTED_ARGUMENT', {
  says: (e: { argument: string; command: string }) =>
    `'tenfold ${e.command}' does not know what to do with '${e.argument}'.`,
  fix: (e) => `Run \`tenfold ${e.command} --help\`.`,
})

export const MissingArgument = defineError('TF_MISSING_ARGUMENT', {
  says: (e: { argument: string; command: string }) => `'tenfold ${e.command}' needs ${e.argument}.`,
  fix: (e) => `Run \`tenfold ${e.command} --help\` for an example.`,
})

export const Unwritable = defineError('TF_UNWRITABLE', {
  says: (e: { path: string; reason: string }) => `${e.path} cannot be written: ${e.reason}.`,
  fix: 'Make it writable for the user that runs the command, or work in another folder.',
})

export const BadOptionValue = defineError('TF_BAD_OPTION_VALUE', {
  says: (e: { option: string; value: string; allowed: string }) =>
    `${e.option} cannot be '${e.value}'; it has to be ${e.allowed}.`,
  fix: 'Correct the value and run the command again.',
})

export const NoProject = defineError('TF_NO_PROJECT', {
  says: (e: { file: string }) => `There is no ${e.file}.`,
  fix: 'Run the command in the folder of your app, or name its configuration: --config path/to/tenfold.config.ts',
})

export const ProjectBroken = defineError('TF_PROJECT_BROKEN', {
  says: (e: { file: string; reason: string }) => `${e.file} cannot be used: ${e.reason}`,
  fix: 'Correct the file named above; `node` must be able to run it as it is.',
})

export const NoSuchJob = defineError('TF_NO_SUCH_JOB', {
  says: (e: { id: string; action: string }) =>
    `Job ${e.id} is not there, or is in no state in which it could be ${e.action}.`,
  fix: 'Look at it with `tenfold jobs list --state dead`.',
})

export const NoJobOfName = defineError('TF_NO_JOB_OF_NAME', {
  says: (e: { name: string; nearest: string | undefined }) =>
    `This app has no job '${e.name}', and none of that name waits${e.nearest === undefined ? '' : `; did you mean '${e.nearest}'?`}`,
  fix: 'Names are `<module>.<name>`; subscriptions have names of the same form, and crons are `cron:<module>.<name>`.',
})

export const NoSuchWebhook = defineError('TF_NO_SUCH_WEBHOOK', {
  says: (e: { what: 'endpoint' | 'delivery'; id: string }) => `There is no ${e.what} of webhooks with the id ${e.id}.`,
  fix: 'Look at them with `tenfold webhooks list` and `tenfold webhooks show <endpoint>`.',
})

export const MigrationsRefused = defineError('TF_MIGRATIONS_REFUSED', {
  says: (e: { migrations: string[] }) =>
    `Nothing was applied: ${e.migrations.join(', ')} would harm the app while it runs.`,
  fix: 'Take the safe way that is printed for each. `--! allow: <code> <reason>` in the file lets one thing pass; `tenfold migrate up --unsafe <reason>` lets everything pass.',
})

export const NothingMeasured = defineError('TF_PLAN_NOTHING_MEASURED', {
  says: (e: { minutes: number }) =>
    `Nothing ran in the last ${e.minutes < 1440 ? `${e.minutes} minutes` : `${Math.round(e.minutes / 1440)} days`} that a plan could be made from.`,
  fix: 'Let the app run under its usual load, or load it (`tenfold load`) and plan from that run: --from latest.',
})

export const ObservedDatabaseUnknown = defineError('TF_OBSERVED_DATABASE_UNKNOWN', {
  says: (e: { app: string }) => `'${e.app}' is observed, but nothing says which database it asks.`,
  fix: 'Set DATABASE_URL to the database of the app: DATABASE_URL=postgres://… tenfold indexes',
})
