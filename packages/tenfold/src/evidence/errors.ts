import { defineError } from '../kernel/index.ts'

export const NotEvidence = defineError('TF_NOT_EVIDENCE', {
  says: (e: { file: string; reason: string }) => `${e.file} is no evidence that can be judged: ${e.reason}.`,
  fix: 'Write one with `tenfold evidence > evidence.json`, with the same version of tenfold.',
})
