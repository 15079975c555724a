import { defineError } from '../kernel/index.ts'

export const MessageTooLarge = defineError('TF_MESSAGE_TOO_LARGE', {
  says: (e: { channel: string; bytes: number; largest: number }) =>
    `A message for channel '${e.channel}' has ${e.bytes} bytes; at most ${e.largest} are sent.`,
  fix: 'Send what changed and its id, and let those who want more ask for it.',
})
