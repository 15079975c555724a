import { defineError } from '../kernel/index.ts'

export const DeployChanged = defineError('TF_DEPLOY_CHANGED', {
  says: (e: { files: string[] }) =>
    `Nothing was written: ${e.files.slice(0, 5).join(', ')}${e.files.length > 5 ? ` and ${e.files.length - 5} more` : ''} would be overwritten, with changes that were made by hand.`,
  fix: 'Look at the difference with --dry-run --json, keep what is yours elsewhere, or overwrite with --force.',
})

export const NoSuchStage = defineError('TF_NO_SUCH_STAGE', {
  says: (e: { stage: string }) => `There is no stage '${e.stage}'.`,
  fix: 'Stages are 1 (one machine) to 6 (a module of its own): `tenfold deploy` without a stage lists them.',
})

export const DeployFailed = defineError('TF_DEPLOY_FAILED', {
  says: (e: { host: string; step: string; said: string }) => `On ${e.host} a step failed (${e.step}):\n${e.said}`,
  fix: 'What ran before still runs. Correct what the machine says and run the command again: what was done is not done twice.',
})
