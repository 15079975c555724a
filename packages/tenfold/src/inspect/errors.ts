import { defineError } from '../kernel/index.ts'

export const BadStoreSetting = defineError('TF_TELEMETRY_SETTING', {
  says: (e: { setting: string; given: unknown; rule: string }) =>
    `The telemetry store's '${e.setting}' is ${String(e.given)}, but it must be ${e.rule}.`,
  fix: 'Correct the setting, or leave it out: the defaults suit one machine and many.',
})

export const InspectNotBound = defineError('TF_INSPECT_NOT_BOUND', {
  status: 501,
  says: (e: { part: string }) => `This process cannot act on ${e.part}: it was started without them.`,
  fix: 'Ask a process that runs them, or start this one with all roles.',
})
