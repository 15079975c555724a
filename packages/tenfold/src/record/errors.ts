import { defineError } from '../kernel/index.ts'

export const RecordPortTaken = defineError('TF_RECORD_PORT_TAKEN', {
  says: (e: { port: number }) => `Port ${e.port} is in use by another program.`,
  fix: 'Name another one with --port, or leave it out: a free one is taken then.',
})
