import { defineError } from '../kernel/index.ts'

export const SessionTooLarge = defineError('TF_SESSION_TOO_LARGE', {
  says: (e: { bytes: number; maxBytes: number }) =>
    `The data of a session is ${e.bytes} bytes of JSON; ${e.maxBytes} are allowed.`,
  fix: 'Keep what is large in a table of your own and its id in the session: a session is read with every request.',
})

export const SessionDataInvalid = defineError('TF_SESSION_DATA', {
  says: (e: { type: string }) => `The data of a session must be a JSON object; it is ${e.type}.`,
  fix: 'Give a plain object of strings, numbers, booleans, nulls, arrays and objects.',
})
